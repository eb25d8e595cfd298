#!/usr/bin/env python3
"""redis.py -- Redis, linked to jemalloc, with the library in its place.

Debian's redis-server package starts a service; redis-tools has the same
binary, which is the server when it is called by that name.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import jemalloc
import tap

MIB = 1 << 20


class Bad(Exception):
    """The server did not do what it should; the text says what."""


def binary():
    for name in ("redis-check-rdb", "redis-server"):
        path = shutil.which(name)
        if path is None:
            continue
        said = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True, check=False).stdout
        if "libjemalloc.so.2" in said:
            return os.path.realpath(path)
    return None


class Server:
    """A server on a Unix socket, for as long as the block lasts."""

    def __init__(self, folder, env):
        self.folder = folder
        self.env = env
        self.socket = os.path.join(folder, "socket")
        self.log = os.path.join(folder, "log")

    def __enter__(self):
        program = os.path.join(self.folder, "redis-server")
        os.symlink(binary(), program)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder,
                 "--enable-debug-command", "yes"], env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
        self.until(lambda: os.path.exists(self.socket) and self.ask("PING").strip() == "PONG", "it does not answer")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def until(self, condition, words):
        end = time.monotonic() + 30
        while not condition():
            if self.process.poll() is not None:
                raise Bad("the server ended with %s: %s" % (self.process.returncode, self.said()[-3000:]))
            if time.monotonic() > end:
                raise Bad("%s, after 30 s" % words)
            time.sleep(0.02)

    def command(self, *words):
        done = subprocess.run(words, env=jemalloc.environment(None), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=120, check=False)
        if self.process.poll() is not None:
            raise Bad("at %s the server ended with %s: %s" % (words, self.process.returncode, self.said()[-3000:]))
        return done.stdout

    def ask(self, *words):
        return self.command("redis-cli", "-s", self.socket, *words)

    def must(self, wanted, *words):
        said = self.ask(*words).strip()
        if not re.search(wanted, said):
            raise Bad("%s was answered with: %s" % (" ".join(words), said[:1000]))
        return said

    def info(self, key):
        return re.search(r"^%s:(.*?)\r?$" % key, self.ask("INFO", "memory"), re.MULTILINE).group(1)

    def number(self, key):
        return int(self.info(key))

    def resident(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) * 1024

    def maps(self):
        with open("/proc/%d/maps" % self.process.pid, encoding="utf-8", errors="replace") as maps:
            return maps.read()


def load(server):
    said = server.command("redis-benchmark", "-s", server.socket, "-n", "20000", "-c", "30", "-q", "-r", "20000",
                          "-d", "700", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,mset")
    if said.count("requests per second") < 9:
        raise Bad("redis-benchmark said: %s" % said[-1000:])
    # 80 MB that stay, in values of many sizes.
    server.must("OK", "DEBUG", "POPULATE", "40000", "value", "2000")


def check_info(server):
    """The sums: against each other, what Redis counts itself, and the kernel."""
    if not server.info("mem_allocator").startswith("jemalloc-5"):
        raise Bad("mem_allocator is %s" % server.info("mem_allocator"))
    # Redis takes its samples ten times a second.
    server.until(lambda: server.number("allocator_allocated") > 80 * MIB, "allocator_allocated stays small")
    used, resident = server.number("used_memory"), server.resident()
    allocated, active, mapped = (server.number("allocator_" + key) for key in ("allocated", "active", "resident"))
    for words, is_so in (
            ("allocated is what Redis counts, and some", 0.95 * used <= allocated <= 1.3 * used),
            ("allocated <= active", allocated <= active),
            ("active is near what the kernel has", 0.75 * resident <= active <= 1.25 * resident),
            ("resident is what the kernel says", 0.85 * resident <= mapped <= 1.25 * resident)):
        if not is_so:
            raise Bad("not so: %s (used %d, allocated %d, active %d, resident %d, the kernel says %d)" % (
                words, used, allocated, active, mapped, resident))


def check_statistics(server):
    said = server.ask("MEMORY", "MALLOC-STATS")
    line = re.search(r"^Allocated: (\d+), active: (\d+), metadata: (\d+) \(n_thp \d+\), resident: (\d+), "
                     r"mapped: (\d+), retained: (\d+)$", said, re.MULTILINE)
    if "___ Begin jemalloc statistics ___" not in said or "--- End jemalloc statistics ---" not in said or not line:
        raise Bad("MEMORY MALLOC-STATS said: %s" % said[:2000])
    told, known = int(line.group(1)), server.number("allocator_allocated")
    if not 0.9 * known <= told <= 1.1 * known:
        raise Bad("MEMORY MALLOC-STATS has %d allocated, INFO %d" % (told, known))


def check_commands(server):
    server.must(r"^(Sam,|Hi Sam,)", "MEMORY", "DOCTOR")
    server.must(r"allocator.resident", "MEMORY", "STATS")
    # Debian's jemalloc does not have what it takes either: an answer, no crash.
    server.must(r"^ERR .*Jemalloc", "CONFIG", "SET", "activedefrag", "yes")
    for value in ("yes", "no", "yes"):
        server.must(r"^OK", "CONFIG", "SET", "jemalloc-bg-thread", value)
    server.must(r"^[1-9]\d{7}", "DEBUG", "MALLCTL", "stats.allocated")
    server.must(r"^4096$", "DEBUG", "MALLCTL", "arenas.page")
    # Redis tries lengths of 8, 4, 2 and 1 bytes, and none fits what is unsigned.
    server.must(r"Invalid argument", "DEBUG", "MALLCTL", "arenas.narenas")
    server.must(r"No such file", "DEBUG", "MALLCTL", "no.such.name")
    server.must(r'^"?5\.', "DEBUG", "MALLCTL-STR", "version")


def check_child(server):
    server.must("Background saving started", "BGSAVE")
    server.until(lambda: "rdb_bgsave_in_progress:0" in server.ask("INFO", "persistence"), "the save does not end")
    if "rdb_last_bgsave_status:ok" not in server.ask("INFO", "persistence"):
        raise Bad("the child could not save")
    server.must("OK", "DEBUG", "RELOAD")


def check_purge(server):
    before = server.resident()
    server.must("OK", "FLUSHALL")
    server.must("^OK$", "MEMORY", "PURGE")
    server.until(lambda: server.resident() < before / 3, "MEMORY PURGE leaves %d of %d resident" % (
        server.resident(), before))
    server.until(lambda: server.number("allocator_resident") < before / 2, "allocator_resident stays large")


def check_end(server, needle):
    if needle and needle not in server.maps():
        raise Bad("the library is not in the server")
    subprocess.run(["redis-cli", "-s", server.socket, "SHUTDOWN", "NOSAVE"], env=jemalloc.environment(None),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
    end = time.monotonic() + 30
    while server.process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if server.process.returncode != 0:
        raise Bad("it ended with %s: %s" % (server.process.returncode, server.said()[-2000:]))
    bad = [line for line in server.said().splitlines() if re.match(r"(trimalloc:|<jemalloc>)", line)]
    if bad:
        raise Bad("it was said: %s" % bad)


STEPS = (("serves redis-benchmark", load),
         ("has an INFO memory that agrees with Redis and the kernel", check_info),
         ("answers MEMORY MALLOC-STATS", check_statistics),
         ("answers MEMORY DOCTOR, activedefrag, jemalloc-bg-thread and DEBUG MALLCTL", check_commands),
         ("saves from a child and loads that", check_child),
         ("gives memory back at MEMORY PURGE", check_purge))


def one_server(report, words, needle, env):
    """Runs all steps; after one that fails the rest has no meaning."""
    with tempfile.TemporaryDirectory(prefix="trimalloc-redis-") as folder:
        try:
            with Server(folder, env) as server:
                for sentence, step in STEPS:
                    step(server)
                    report.sentence("redis-server %s %s" % (words, sentence), [])
                    sentence = "ends well"
                check_end(server, needle)
            report.sentence("redis-server %s ends well" % words, [])
        except Bad as bad:
            report.sentence("redis-server %s %s" % (words, sentence), [str(bad)])


def main():
    report = tap.Report()
    if binary() is None or shutil.which("redis-benchmark") is None:
        report.skip("redis-server, linked to jemalloc, runs on the library",
                    "there is no Redis here that is linked to libjemalloc.so.2 (Debian: redis-tools)")
        report.end()
    one_server(report, "on jemalloc itself", "libjemalloc.so.2", jemalloc.environment(None))
    one_server(report, "with the library preloaded", jemalloc.library(), jemalloc.environment(jemalloc.library()))
    report.end()


if __name__ == "__main__":
    sys.exit(main())

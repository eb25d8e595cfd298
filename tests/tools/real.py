#!/usr/bin/env python3
"""real.py -- the command and the library together: a program is run, looked at and steered."""

import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

import openmetrics
import tool as t
from tool import folder, tap, tool

MIB = 1 << 20
HELD = 64 * MIB
# Holds and frees as it is told, in blocks that are size classes of their own.
PROGRAM = """
import os, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
held = []
print("ready", flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "hold":
        held = [bytearray(4000) for _ in range(%d)]
    elif word == "free":
        held = []
    elif word == "fork":
        pid = os.fork()
        if pid == 0:
            threading.Event().wait()
        print(pid, flush=True)
        continue
    elif word == "exec":
        print("done", flush=True)
        os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[1]])
    print("done", flush=True)
""" % (HELD // 4000)


class Running:
    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def json(self):
        said = tool("stats", "--json", self.pid)
        return json.loads(said.out) if said.code == 0 else None


@contextlib.contextmanager
def running(*options, prefix=(), env=None):
    """The program under `trimalloc run`."""
    words = [w for o in options for w in ("-o", o)]
    process = subprocess.Popen([*prefix, t.TOOL, "run", "--lib", t.LIBRARY, *words, "--",
                                sys.executable, "-c", PROGRAM, PROGRAM],
                               env=t.environment(PYTHONMALLOC="malloc", **(env or {})),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the program said: " + process.stderr.read())
        yield Running(process)
    finally:
        process.kill()
        process.communicate()


def until(what, seconds=30):
    """Waits until what() is true; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.02)


def answers(program):
    """The socket is there soon after the program's first thread."""
    said = until(lambda: (lambda s: s if s.code == 0 else None)(tool("stats", program.pid)))
    return [] if said else ["no answer: %s" % tool("stats", program.pid).err]


def shows_what_is_held():
    with folder() as path, running("control:%s/%%p" % path, "decay_ms:-1") as p:
        yield from answers(p)
        before = p.json()
        p.tell("hold")
        after = p.json()
        if before["pid"] != p.pid or before["format"] != 1:
            yield "pid %d, format %d" % (before["pid"], before["format"])
        grown = after["bytes"]["allocated"] - before["bytes"]["allocated"]
        if not HELD <= grown <= HELD * 1.3:
            yield "%d are held, allocated has grown by %d" % (HELD, grown)
        yield from tool("stats", p.pid).wrong(0, out=["allocated", "process %d" % p.pid])
        yield from tool("stats", p.pid, "--xml").wrong(0, out="<malloc version=")
        once = tool("top", "--once").out
        if not re.search(r"^ *%d .* ok" % p.pid, once, re.MULTILINE):
            yield "top --once has no row of it: %s" % once
        for tab in ("summary", "arenas", "classes", "threads"):
            yield from tool("top", "--once", "--tab", tab, p.pid).wrong(0, out="process %d" % p.pid)
        changes = tool("stats", p.pid, "--diff", "--watch", "0.05", "--count", "1")
        yield from changes.wrong(0, out="before")


def has_each_metric():
    """No row of the table is without a figure in a real report, but those of the kernel's limits."""
    with folder() as path, running("control:%s/%%p" % path) as p:
        yield from answers(p)
        read = openmetrics.Text(tool("stats", p.pid, "--openmetrics").out)
        yield from read.complaints[:10]
        have = {name for name, _ in read.samples}
        with open(os.path.join(t.SOURCE, "tools/trimalloc/families.def"), encoding="utf-8") as file:
            rows = re.findall(r"^FAMILY\((\w+), (\w+)", file.read(), re.MULTILINE)
        for name, kind in rows:
            full = "trimalloc_%s%s" % (name, "_total" if kind == "counter" else "")
            if full not in have:
                yield "%s has no sample" % full
        report = p.json()
        known = {"version", "format", "pid", "uptime_ms", "time_ms", "bytes", "counts", "reclaim",
                 "pressure", "guarded", "options", "arenas", "classes", "large", "threads"}
        yield from ["the report has a part %s, which nothing shows" % k for k in set(report) - known]


def gives_back():
    with folder() as path, running("control:%s/%%p" % path, "decay_ms:-1") as p:
        yield from answers(p)
        p.tell("hold")
        p.tell("free")
        before = resident(p.pid)
        said = tool("trim", p.pid)
        yield from said.wrong(0, out="given back by process %d" % p.pid)
        gone = before - resident(p.pid)
        if gone < HELD * 0.8:
            yield "%d were freed, %d went: %s" % (HELD, gone, said.out)


def resident(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


def reads_and_writes_names():
    with folder() as path, running("control:%s/%%p" % path, "decay_ms:700", "narenas:1") as p:
        yield from answers(p)
        yield from tool("ctl", p.pid, "arenas.dirty_decay_ms").wrong(0, out="700\n")
        yield from tool("ctl", p.pid, "arenas.dirty_decay_ms=250").wrong(0)
        yield from tool("ctl", p.pid, "arenas.dirty_decay_ms", "opt.narenas").wrong(
            0, out=["arenas.dirty_decay_ms=250\n", "opt.narenas=1\n"])
        yield from tool("ctl", p.pid, "no.such.name").wrong(1, err="noent")
        yield from tool("ctl", p.pid, "version=1").wrong(1, err="(perm)")
        yield from tool("ctl", p.pid, "arenas.dirty_decay_ms=x").wrong(1, err="(inval)")
        yield from tool("ctl", p.pid, "thread.tcache.flush", "--call").wrong(1, err="(perm)")
        yield from tool("ctl", "--call", p.pid, "arena.0.purge").wrong(0)
        yield from tool("ctl", p.pid, "--list").wrong(0, out="version string ro\n")
        yield from tool("options", p.pid).wrong(0, out=["narenas=1\n", "control=%s/%%p\n" % path])


def writes_its_report():
    for name, number in (("", "SIGURG"), ("USR2", "SIGUSR2")):
        with folder() as path:
            options = ["dump_path:%s/report.%%p.%%n" % path, "control:%s/s" % path]
            options += ["dump_signal:" + name] if name else []
            with running(*options) as p:
                yield from answers(p)
                yield from tool("dump", p.pid).wrong(0, err=number)
                pattern = "%s/report.%d.[0-9]" % (path, p.pid)
                files = until(lambda: glob.glob(pattern))
                if not files:
                    yield "%s: no report: %s" % (number, os.listdir(path))
                    continue
                with open(files[0], encoding="utf-8") as file:
                    if "process %d" % p.pid not in file.read():
                        yield "%s: the report is another's" % number
                said = tool("dump", "--socket", p.pid)
                yield from said.wrong(0, out="%s/report.%d." % (path, p.pid))
                if not os.path.exists(said.out.strip()):
                    yield "there is no file '%s'" % said.out.strip()


def tells_children_apart():
    with folder() as path, running("control:%s/s" % path) as p:
        yield from answers(p)
        child = int(p.tell("fork"))
        try:
            yield from tool("stats", child).wrong(5, err=["of %d" % p.pid, "%p"])
            yield from tool("stats", p.pid).wrong(0, out="process %d" % p.pid)
        finally:
            os.kill(child, signal.SIGKILL)
    with folder() as path, running("control:%s/s.%%p" % path) as p:
        yield from answers(p)
        child = int(p.tell("fork"))
        try:
            yield from tool("stats", p.pid).wrong(0, out="process %d" % p.pid)
            said = until(lambda: tool("stats", child).code in (0, 5) and tool("stats", child))
            if said.code == 0 and "process %d" % child not in said.out:
                yield "the child's statistics are another's: %s" % said.out[:200]
        finally:
            os.kill(child, signal.SIGKILL)


def lives_through_exec():
    with folder() as path, running("control:%s/s.%%p" % path) as p:
        yield from answers(p)
        p.tell("exec")
        if p.process.stdout.readline() != "ready\n":
            yield "it did not begin again"
        yield from answers(p)
        p.process.stdin.close()
        p.process.stdin = None
        p.process.wait(30)
        yield from tool("stats", p.pid).wrong(3, err="no process")
        left = os.listdir(path)
        if left:
            yield "it left %s behind" % left


def says_how_to_ask():
    with running("decay_ms:1000") as p:
        yield from tool("stats", p.pid).wrong(5, err=["no control socket", "--control"])


def reaches_into_namespaces(report):
    sentence = "a program in namespaces of its own is asked by its number outside"
    prefix = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount",
              "--mount-proc"]
    try:
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
            report.skip(sentence, "no namespaces can be made here")
            return
    except FileNotFoundError:
        report.skip(sentence, "there is no unshare here")
        return

    def complaints():
        with folder() as path:
            script = 'mount -t tmpfs none %s && exec "$@"' % path
            with running("control:%s/s.%%p" % path,
                         prefix=[*prefix, "sh", "-c", script, "sh"]) as p:
                with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as file:
                    p.pid = int(file.read().split()[0])
                yield from answers(p)
                inside = p.json()["pid"]
                if inside == p.pid:
                    yield "it has its number of outside"
                yield from tool("ctl", p.pid, "arenas.dirty_decay_ms").wrong(0, out="1000")
    report.sentence(sentence, complaints())


def finds_overwritten_variables():
    """A program that writes its title over its variables is found by its thread."""
    program = """
import ctypes, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
stat = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
start, end = int(stat[47]), int(stat[48])
ctypes.memset(start, 0, end - start)
print("ready", flush=True)
sys.stdin.read()
"""
    with folder() as path:
        process = subprocess.Popen([t.TOOL, "run", "--lib", t.LIBRARY, "-o", "control:%s/s" % path,
                                    sys.executable, "-c", program], env=t.environment(),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            with open("/proc/%d/environ" % process.pid, "rb") as file:
                if b"TRIMALLOC" in file.read():
                    yield "the variables are still there: nothing is shown"
            yield from answers(Running(process))
        finally:
            process.kill()
            process.communicate()


def main():
    report = tap.Report()
    if not t.has_part("top") or not t.has_part("metrics"):
        report.skip("the command shows what the library has", "parts are left out of this build")
        report.end()
    for sentence, complaints in (
            ("stats and top show what a program holds", shows_what_is_held()),
            ("each metric has a figure in a real report", has_each_metric()),
            ("trim gives back what was freed", gives_back()),
            ("ctl reads and writes names, and says what is refused", reads_and_writes_names()),
            ("dump has the report written, by signal and by socket", writes_its_report()),
            ("a child's statistics are never its parent's", tells_children_apart()),
            ("the socket is there again after exec, and gone in the end", lives_through_exec()),
            ("a program without a socket gets advice", says_how_to_ask()),
            ("a program whose variables are overwritten is found by its thread",
             finds_overwritten_variables())):
        report.sentence(sentence, complaints)
    reaches_into_namespaces(report)
    report.end()


main()

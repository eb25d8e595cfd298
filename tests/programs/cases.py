"""cases.py -- programs that are not Java, under the library and under glibc.

A case runs a program in an empty folder and returns what it said; both runs
must say the same, byte for byte. That the library was there is proved by the
statistics that it writes to standard error at exit.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "rules"))

import tap  # noqa: E402  (found by the line above)

LIMIT_SECONDS = 250


class Bad(Exception):
    """A program ended badly; the text says how."""


class Place:
    """Where one run of a case happens: a folder, an allocator, an environment."""

    def __init__(self, folder, library, scale):
        self.folder = os.path.join(folder, "work")
        self.errors = os.path.join(folder, "errors")
        self.library = library
        self.scale = scale
        strange = ("LD_PRELOAD", "TRIMALLOC_CONF", "MALLOC_CONF", "PYTHONPATH", "PYTHONHOME",
                   "PERL5LIB", "NODE_OPTIONS")
        self.env = {key: value for key, value in os.environ.items() if key not in strange}
        self.env.update(LC_ALL="C", TZ="UTC", HOME=self.folder, PYTHONDONTWRITEBYTECODE="1")
        if library:
            self.env.update(LD_PRELOAD=library, TRIMALLOC_CONF="stats_at_exit:true")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def said_errors(self):
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def run(self, command, **more):
        """Runs a command to its good end; its standard output."""
        env = dict(self.env, **more.pop("env", {}))
        if "input" not in more:
            more["stdin"] = subprocess.DEVNULL
        with open(self.errors, "a", encoding="utf-8") as errors:
            try:
                done = subprocess.run(command, cwd=self.folder, env=env, stdout=subprocess.PIPE,
                                      stderr=errors, timeout=LIMIT_SECONDS, check=False, **more)
            except subprocess.TimeoutExpired as late:
                raise Bad("%s did not end within %d s" % (command[0], LIMIT_SECONDS)) from late
        if done.returncode != 0:
            raise Bad("%s ended with status %d; the end of its errors:\n%s" % (
                " ".join(command)[:200], done.returncode, "\n".join(self.said_errors().splitlines()[-15:])))
        return done.stdout


def python(place):
    return place.run([sys.executable, os.path.join(HERE, "work.py"), str(4 * place.scale)],
                     env={"PYTHONMALLOC": "malloc"})


def perl(place):
    return place.run(["perl", os.path.join(HERE, "work.pl"), str(4 * place.scale)])


def node(place):
    return place.run(["node", os.path.join(HERE, "work.js"), str(4 * place.scale)])


def sqlite(place):
    with open(os.path.join(HERE, "work.sql"), encoding="utf-8") as file:
        script = file.read().replace("i < ROWS", "i < %d" % (40_000 * place.scale))
    return place.run(["sqlite3", "-bail", place.path("work.db")], input=script.encode())


def git(place):
    """A repository of some commits, packed anew, checked, and told whole."""
    env = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        env["GIT_%s_NAME" % role] = env["GIT_%s_EMAIL" % role] = "somebody"
        env["GIT_%s_DATE" % role] = "2024-01-01T00:00:00Z"

    def run(*words):
        return place.run(["git"] + list(words), env=env)

    run("init", "-q", "-b", "main")
    for commit in range(4 * place.scale):
        for number in range(60):
            lines = ("%d of %d in %d" % (line, number, commit * (line % 5 == 0)) for line in range(200))
            place.write("file%d" % number, "\n".join(lines))
        run("add", "-A")
        run("commit", "-q", "-m", "change %d" % commit)
    run("gc", "-q", "--aggressive", "--prune=now")
    return run("rev-parse", "HEAD") + run("fsck", "--full", "--strict") + run("log", "-p", "--stat", "-M")


def c_source(functions):
    """Functions of arithmetic, switches and calls of each other."""
    for number in range(functions):
        yield "int f%d(int a, int *p)\n{\n\tint s = %d;\n\tfor (int i = 0; i < a; i++) {\n\t\tswitch (i %% %d) {" % (
            number, number, number % 13 + 3)
        for case in range(number % 13 + 3):
            yield "\t\tcase %d: s += p[i] * %d ^ (s >> %d); p[i %% 7] = s; break;" % (case, case + number, case)
        yield "\t\t}\n\t}\n\treturn s%s;\n}" % ("" if number == 0 else " + f%d(s %% 9, p)" % (number // 2))


def c_compiler(place):
    place.write("big.c", "\n".join(c_source(600 * place.scale)))
    return place.run(["gcc", "-O2", "-g", "-S", "-o", "-", "big.c"])


def cxx_source(classes):
    """Templates of templates: much that a compiler has to remember."""
    yield "#include <algorithm>\n#include <functional>\n#include <map>\n#include <regex>\n#include <string>"
    yield "#include <unordered_map>\n#include <variant>\n#include <vector>"
    yield "template <int N> struct tree { tree<N - 1> left, right; int sum() { return left.sum() + N; } };"
    yield "template <> struct tree<0> { int sum() { return 1; } };"
    for number in range(classes):
        yield """
struct c%(n)d { std::map<std::string, std::vector<std::variant<int, std::string>>> all;
  int add(const std::string &k, int v) { all[k].push_back(v + %(n)d);
    std::sort(all[k].begin(), all[k].end()); return (int)all.size() + tree<%(t)d>().sum(); } };
int use%(n)d(c%(n)d &c) { std::unordered_map<int, std::function<int(int)>> f;
  f[%(n)d] = [&](int i) { return c.add(std::to_string(i), i); };
  return std::regex_match("x%(n)d", std::regex("[a-z]+\\\\d*")) ? f[%(n)d](%(n)d) : 0; }
""" % {"n": number, "t": number % 9}


def cxx_compiler(place):
    place.write("big.cc", "\n".join(cxx_source(10 * place.scale)))
    return place.run(["g++", "-std=c++17", "-O1", "-S", "-o", "-", "big.cc"])


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Redis:
    """A server of its own on loopback, for as long as the block lasts."""

    def __init__(self, place):
        self.place = place
        self.port = str(free_port())

    def __enter__(self):
        place = self.place
        with open(place.errors, "a", encoding="utf-8") as errors, open(place.path("log"), "wb") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "", "--dir", place.folder,
                 "--enable-debug-command", "local"],
                # Another name of the same program, which is the server when called so.
                executable=shutil.which("redis-server") or shutil.which("redis-check-rdb"),
                cwd=place.folder, env=place.env, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)
        try:
            self.until(lambda: self.answers("PING"), "it did not answer")
            self.check_library()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def check_library(self):
        with open("/proc/%d/maps" % self.process.pid, encoding="utf-8", errors="replace") as maps:
            if self.place.library and self.place.library not in maps.read():
                raise Bad("redis-server does not have the library")

    def until(self, condition, complaint):
        end = time.monotonic() + 30
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.place.path("log"), encoding="utf-8", errors="replace") as log:
                    raise Bad("redis-server: %s; status %s; its log:\n%s" % (
                        complaint, self.process.poll(), "".join(log.readlines()[-15:])))
            time.sleep(0.05)

    def answers(self, *words):
        return subprocess.run(["redis-cli", "-p", self.port] + list(words), env=self.place.env, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def cli(self, *words, **more):
        said = self.place.run(["redis-cli", "-p", self.port] + list(words), **more)
        if b"Error" in said or said.startswith(b"ERR"):
            raise Bad("redis-server answered %s with: %s" % (words, said[:300]))
        return said

    def shut_down(self):
        self.cli("SHUTDOWN", "NOSAVE")
        if self.process.wait(timeout=30) != 0:
            raise Bad("redis-server ended with status %d" % self.process.returncode)


def redis_commands(count):
    for number in range(count):
        yield "SET key:%d %s" % (number, "v" * (number * 37 % 3000 + 1))
        yield "RPUSH list:%d %s" % (number % 50, " ".join(str(i) for i in range(number % 40 + 1)))
        yield "HSET hash:%d f%d %s" % (number % 70, number, "x" * (number % 200 + 1))
        yield "ZADD set:%d %d m%d" % (number % 30, number * 31 % 1000, number)
        if number % 3 == 0:
            yield "APPEND key:%d tail" % (number // 2)
            yield "DEL key:%d" % (number // 3)


def redis(place):
    with Redis(place) as server:
        place.run(["redis-benchmark", "-p", server.port, "-n", str(10_000 * place.scale), "-c", "30", "-q",
                   "-r", "10000", "-d", "300", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"])
        server.cli("FLUSHALL")
        commands = "\n".join(redis_commands(4000 * place.scale))
        said = hashlib.sha256(server.cli(input=commands.encode())).hexdigest()
        # Statistics and the command to purge go through the allocator's own interface.
        server.cli("INFO", "memory")
        server.cli("MEMORY", "PURGE")
        # Saves from a forked child, and then reads that.
        server.cli("BGSAVE")
        server.until(lambda: b"rdb_bgsave_in_progress:0" in server.cli("INFO", "persistence"),
                     "the background save did not end")
        if b"rdb_last_bgsave_status:ok" not in server.cli("INFO", "persistence"):
            raise Bad("redis-server could not save in the background")
        server.cli("DEBUG", "RELOAD")
        digest = server.cli("DEBUG", "DIGEST").decode()
        server.shut_down()
    return "%s %s" % (said, digest)


CASES = (
    ("python3 with PYTHONMALLOC=malloc computes", sys.executable, python),
    ("perl computes", "perl", perl),
    ("git packs and tells", "git", git),
    ("gcc compiles a large file to", "gcc", c_compiler),
    ("g++ compiles a large file to", "g++", cxx_compiler),
    ("redis-server under redis-benchmark holds", "redis-benchmark", redis),
    ("sqlite3 answers", "sqlite3", sqlite),
    ("node computes", "node", node),
)


def run_case(case, place):
    """What the case said, and what is wrong with that."""
    os.makedirs(place.folder)
    try:
        said = case(place)
        errors = place.said_errors().splitlines()
    except Bad as bad:
        return None, [str(bad)]
    finally:
        shutil.rmtree(place.folder)
    os.remove(place.errors)
    complaints = ["the library said: " + line for line in errors if line.startswith("trimalloc:")]
    if place.library and not any(re.match(r"trimalloc \S+ statistics", line) for line in errors):
        complaints.append("the library wrote no statistics at exit: was it there?")
    return said, complaints


def compare(case, library, scale):
    """What is wrong with a case under the library."""
    # One folder for both runs: its name may get into what a program says.
    with tempfile.TemporaryDirectory(prefix="trimalloc-programs-") as folder:
        expected, complaints = run_case(case, Place(folder, None, scale))
        if complaints:
            return ["it fails without the library:"] + complaints
        said, complaints = run_case(case, Place(folder, library, scale))
    if said is not None and said != expected:
        complaints.append("it said %d bytes: %.200r\nunder glibc: %d bytes: %.200r" % (
            len(said), said, len(expected), expected))
    return complaints


def main(scale):
    library = os.environ.get("TRI_LIB", "")
    report = tap.Report()
    if not os.path.exists(library):
        report.sentence("the library to test exists", ["TRI_LIB is '%s'" % library])
        report.end()
    for words, program, case in CASES:
        sentence = words + " the same as under glibc"
        if shutil.which(program):
            report.sentence(sentence, compare(case, os.path.realpath(library), scale))
        else:
            report.skip(sentence, "%s was not found" % program)
    report.end()

#!/usr/bin/env python3
"""languages.py -- C++ that throws across threads, and programs that are watched; Go for go.py.

gdb stops a program with threads and calls into the library, strace follows its
threads, perf interrupts it. `languages.py --install` brings what is missing by
apt-get (Debian: golang-go, gdb, strace, linux-perf).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import jemalloc
import tap

PACKAGES = ["golang-go", "gdb", "strace", "linux-perf"]
LIMIT_SECONDS = 200
LIBRARY = os.path.realpath(os.environ.get("TRI_LIB", ".libs/libtrimalloc.so"))


def install():
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for words in (["update"], ["install", "-y", "--no-install-recommends"] + PACKAGES):
        subprocess.run(root + ["apt-get"] + words, check=False)


def run(command, preload=None, **more):
    env = jemalloc.environment(preload, **more)
    try:
        return subprocess.run(command, env=env, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "it did not end within %d s" % LIMIT_SECONDS)


def complaints(done, wanted):
    """What is wrong with an end; `wanted` are patterns of what it said."""
    if done.returncode != 0:
        yield "it ended with %d and said: %s" % (done.returncode, done.stdout[-2000:])
    for pattern in wanted:
        if not re.search(pattern, done.stdout, re.M):
            yield "it did not say '%s' but: %s" % (pattern, done.stdout[-2000:])


def preloaded(command, wanted, **more):
    """Runs a program on the library, which proves by its statistics that it was there."""
    done = run(command, LIBRARY, TRIMALLOC_CONF="stats_at_exit:true", **more)
    return complaints(done, list(wanted) + [r"^ *allocated "])


def build_cxx(folder):
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    path = os.path.join(folder, "thrown")
    if compiler is None:
        return None, "no C++ compiler was found (Debian: g++)"
    done = run([compiler, "-O1", "-g", "-pthread", "-std=gnu++17",
                os.path.join(jemalloc.HERE, "thrown.cc"), "-o", path])
    return (path, None) if done.returncode == 0 else (None, "it cannot be built: " + done.stdout[-500:])


def build_go(folder):
    path = os.path.join(folder, "cgo")
    if shutil.which("go") is None:
        return None, "go was not found (Debian: golang-go)"
    copy = os.path.join(folder, "source")
    shutil.copytree(os.path.join(jemalloc.HERE, "cgo"), copy)
    done = run(["go", "build", "-C", copy, "-o", path, "."], CGO_ENABLED="1", GOFLAGS="-buildvcs=false",
               GOCACHE=os.path.join(folder, "gocache"), GOTOOLCHAIN="local", HOME=folder)
    if done.returncode != 0:
        # Before 1.20 there is no -C.
        done = run(["sh", "-c", "cd '%s' && exec go build -o '%s' ." % (copy, path)], CGO_ENABLED="1",
                   GOCACHE=os.path.join(folder, "gocache"), GOTOOLCHAIN="local", HOME=folder)
    return (path, None) if done.returncode == 0 else (None, "cgo cannot be built: " + done.stdout[-500:])


def gdb_refuses(program):
    """Some debuggers cannot write the registers of some processors back."""
    if shutil.which("gdb") is None:
        return "gdb was not found"
    done = run(["gdb", "-q", "-nx", "-batch", "-ex", "set startup-with-shell off", "-ex", "break all_is_over",
                "-ex", "run", "-ex", "print (int)getpid() > 0", program])
    return None if re.search(r"^\$1 = (1|true)$", done.stdout, re.M) \
        else "gdb cannot call a function here, without the library either: " + jemalloc.last_line(done.stdout)


def strace_refuses():
    return None if shutil.which("strace") else "strace was not found"


def under_gdb(program):
    done = run(["gdb", "-q", "-nx", "-batch", "-ex", "set startup-with-shell off",
                "-ex", "set environment LD_PRELOAD " + LIBRARY, "-ex", "set breakpoint pending on",
                "-ex", "break all_is_over", "-ex", "run", "-ex", "info threads",
                "-ex", "print (int)malloc_trim(0)", "-ex", "print (void *)malloc(100) != 0",
                "-ex", "backtrace 2", "-ex", "info sharedlibrary", "-ex", "continue", program])
    return complaints(done, [r"Breakpoint 1.*all_is_over", r"trim", r"^\$1 = [01]$", r"^\$2 = (1|true)$",
                             re.escape(os.path.basename(LIBRARY)), r"^done$", r"exited normally"])


def under_strace(program, folder):
    log = os.path.join(folder, "strace.log")
    done = run(["strace", "-f", "-qq", "-o", log, "-E", "LD_PRELOAD=" + LIBRARY,
                "-e", "trace=mmap,madvise,process_madvise,membarrier,clone,clone3", program])
    yield from complaints(done, [r"^done$"])
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if not re.search(r"mmap\(.*PROT_NONE", text):
        yield "no address space was reserved in what strace saw"
    if len(set(re.findall(r"^(\d+) ", text, re.M))) < 8:
        yield "strace did not follow the threads"


def perf_refuses(folder):
    if shutil.which("perf") is None:
        return "perf was not found (Debian: linux-perf)"
    done = run(["perf", "record", "-q", "-e", "cpu-clock", "-o", os.path.join(folder, "try.data"), "true"])
    return None if done.returncode == 0 else "perf cannot record here: " + jemalloc.last_line(done.stdout)


def under_perf(program, folder):
    data = os.path.join(folder, "perf.data")
    done = run(["perf", "record", "-q", "-F", "2000", "-e", "cpu-clock", "-o", data, "--",
                "env", "LD_PRELOAD=" + LIBRARY, program])
    yield from complaints(done, [r"^done$"])
    script = run(["perf", "script", "--show-mmap-events", "--no-inline", "-F", "comm,event", "-i", data])
    if os.path.basename(LIBRARY) not in script.stdout or not re.search(r"^ *thrown .*cpu-clock", script.stdout, re.M):
        yield "no samples, or not on the library: " + script.stdout[-800:]


def try_cxx(report, folder):
    names = ["C++: exceptions cross threads", "C++: bad_alloc crosses threads where memory is used up",
             "gdb stops a program with threads and calls malloc_trim in it",
             "strace follows a program's threads", "perf samples a program's threads"]
    program, reason = build_cxx(folder)
    if program is None:
        for name in names:
            report.skip(name, reason)
        return
    report.sentence(names[0], preloaded([program], [r"^done$"]))
    report.sentence(names[1], preloaded([program, "exhaust"], [r"^done$"]))
    for name, reason, check in ((names[2], gdb_refuses(program), lambda: under_gdb(program)),
                                (names[3], strace_refuses(), lambda: under_strace(program, folder)),
                                (names[4], perf_refuses(folder), lambda: under_perf(program, folder))):
        if reason:
            report.skip(name, reason)
        else:
            report.sentence(name, check())


def try_go(report, folder):
    name = "Go: 64 goroutines share blocks of C's"
    program, reason = build_go(folder)
    if program is None:
        report.skip(name, reason)
    else:
        # It ends without what a C program does at its end, statistics too.
        report.sentence(name, complaints(run([program], LIBRARY), [r"^done on the library$"]))
    # Go keeps its build cache read-only.
    subprocess.run(["chmod", "-R", "u+w", folder], check=False)


def main():
    if "--install" in sys.argv[1:]:
        install()
    report = tap.Report()
    with tempfile.TemporaryDirectory(prefix="trimalloc-languages-") as folder:
        try_cxx(report, folder)
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""guarded.py -- a JVM with guarded blocks: its own faults are none of ours, and a bug
in native code is told before the JVM writes its crash report.
"""

import glob
import os
import re
import signal
import subprocess

import jvm
from jvm import tap

CONF = "guarded:500,guarded_slots:4096"

# What is said first, and whether the JVM has a fault to report.
BUGS = (
    ("write", r"^trimalloc: use after free: write to 0x\w+, 1000 bytes into a freed block of 4000 bytes at 0x\w+$"),
    ("read", r"^trimalloc: use after free: read from 0x\w+, 2000 bytes into a freed block of 4000 bytes at 0x\w+$"),
    ("overflow", r"^trimalloc: overflow: write to 0x\w+, 96 bytes behind the end of a block of 4000 bytes at 0x\w+$"),
    ("underflow", r"^trimalloc: underflow: write to 0x\w+, 4096 bytes in front of a block of 4000 bytes at 0x\w+$"),
    ("twice", r"^trimalloc: free\(\): 0x\w+ was already freed \(a guarded block of 4000 bytes\)$"),
)


def build(bench):
    """The program and its native library."""
    home = bench.jdk.home
    jvm.build([bench.jdk.tool("javac"), "-d", bench.folder, os.path.join(jvm.HERE, "Faults.java")])
    jvm.build(jvm.shlex.split(os.environ.get("CC", "cc")) + [
        "-O1", "-g", "-w", "-fno-builtin", "-shared", "-fPIC", "-I" + home + "/include",
        "-I" + home + "/include/linux", "-o", bench.folder + "/libfaults.so",
        os.path.join(jvm.HERE, "faults.c")])


def run(bench, kind, options=(), preload=None, conf=CONF):
    """(status, standard output and error) of a run of the program."""
    env = dict(bench.environment(conf), LD_PRELOAD=preload or jvm.LIBRARY)
    native = ["--enable-native-access=ALL-UNNAMED"] if bench.jdk.version >= 23 else []
    command = [bench.jdk.tool("java"), "-Xmx128m", "-Xss512k", "-XX:-CreateCoredumpOnCrash",
               "-XX:ErrorFile=" + bench.folder + "/hs_err", "-Djava.library.path=" + bench.folder]
    done = subprocess.run(command + native + list(options) + ["-cp", bench.folder, "Faults", kind],
                          env=env, cwd=bench.folder, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=jvm.LIMIT_SECONDS, check=False)
    return done.returncode, done.stdout


def forget_report(bench):
    for path in glob.glob(bench.folder + "/hs_err*"):
        os.remove(path)


def works(bench, options=(), preload=None):
    forget_report(bench)
    status, said = run(bench, "work", options, preload)
    yield from jvm.complaints_of(status, said, bench.folder)
    if "worked" not in said.splitlines():
        yield "it did not work"
    for line in said.splitlines():
        if "handler" in line.lower():
            yield line


def tells(bench, kind, sentence, preload=None):
    """A bug is told, with who took the block, and the JVM's crash report is written."""
    report = bench.folder + "/hs_err"
    forget_report(bench)
    status, said = run(bench, kind, preload=preload)
    lines = said.splitlines()
    ours = [line for line in lines if line.startswith("trimalloc:")]
    if not ours or not re.match(sentence, ours[0]):
        yield "it said: %s" % (ours or lines)[:3]
    if not re.search(r"^trimalloc:   allocated by thread \d+ \(.*\):\n"
                     r"trimalloc:     0x\w+ .*/libfaults\.so\+0x\w+ ?\??$", said, re.MULTILINE):
        yield "it did not say that libfaults.so allocated the block:\n" + "\n".join(ours)
    if kind not in ("overflow", "underflow") and \
            not re.search(r"^trimalloc:   freed by thread \d+ \(.*\):$", said, re.MULTILINE):
        yield "it did not say who freed the block"
    if kind == "twice":
        # No fault: the library ends the process, and no JVM reports that.
        if status != -signal.SIGABRT:
            yield "it ended with status %d" % status
        return
    if status in (0, -signal.SIGSEGV) or "fatal error has been detected" not in said or not os.path.exists(report):
        yield "the JVM wrote no crash report"
        return
    with open(report, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if "SIGSEGV" not in text or "Java_Faults_bug" not in text:
        yield "its crash report has no SIGSEGV in Java_Faults_bug"


def jsig(bench):
    found = glob.glob(bench.jdk.home + "/lib/libjsig.so")
    return found[0] if found else None


def check(report, bench, ways, bugs):
    build(bench)
    for name, options in ways:
        report.sentence("%s%s works with guarded blocks: null checks, ends of stacks, safepoints"
                        % (bench.jdk, name), works(bench, options))
    for kind, sentence in bugs:
        report.sentence("%s: the bug \"%s\" in native code is told, and the JVM dies of it as ever"
                        % (bench.jdk, kind), tells(bench, kind, sentence))
    lib = jsig(bench)
    for order, preload in (("in front of", "%s:%s" % (lib, jvm.LIBRARY)), ("behind", "%s:%s" % (jvm.LIBRARY, lib))):
        sentence = "%s works, and a bug is told, with libjsig %s the library" % (bench.jdk, order)
        if lib is None:
            report.skip(sentence, "the JDK has no libjsig")
            continue
        complaints = list(works(bench, preload=preload)) + list(tells(bench, *BUGS[0], preload=preload))
        report.sentence(sentence, complaints)


def run_all(ways, bugs):
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM has guarded blocks"):
        check(report, bench, ways, bugs)
    report.end()


if __name__ == "__main__":
    # guarded_long.py has the others.
    run_all([(" with -Xcheck:jni", ["-Xcheck:jni"])], [BUGS[1], BUGS[2], BUGS[4]])

#!/usr/bin/env python3
"""misuse.py -- native code of a JVM breaks the heap, and is found out; and
check:full finds nothing where nothing is wrong."""

import glob
import os
import re
import resource
import shlex
import signal
import subprocess

import jvm
from jvm import tap

CHECK = "check:full"
BROKEN = (
    ("freeTwice", None, r"free\(\): 0x\w+ was already freed \(class \d+ bytes, slot \d+ of a slab with \d+ of \d+ handed out\)"),
    ("freeTwice", CHECK, r"free\(\): 0x\w+ was already freed \(class \d+ bytes, slot \d+ of a slab with \d+ of \d+ handed out\)"),
    ("writeBehind", CHECK, r"free\(\): 0x\w+ was written to behind its end, at byte 100 of 100 \(class 128 bytes, slot [^()]+\)"),
    ("writeAfterFree", CHECK, r"free\(\): 0x\w+ was written to after it was freed, at byte 8 of 100 \(class 128 bytes, slot [^()]+\)"),
)
LOADS = ["gzip:4,3", "direct:4,20", "jni:4,500", "strings:500", "threads:100", "children:2,3"]


def build(bench):
    include = os.path.join(bench.jdk.home, "include")
    jvm.build([bench.jdk.tool("javac"), "-d", bench.folder, os.path.join(jvm.HERE, "Broken.java")])
    jvm.build(shlex.split(os.environ.get("CC", "cc")) + [
        "-O1", "-g", "-fno-builtin", "-shared", "-fPIC", "-I" + include,
        "-I" + os.path.join(include, "linux"), "-o", os.path.join(bench.folder, "libbroken.so"),
        os.path.join(jvm.HERE, "broken.c")])


def take_report(bench):
    """What the hs_err file says, '' where there is none."""
    text = ""
    for name in glob.glob(os.path.join(bench.folder, "hs_err*")):
        with open(name, encoding="utf-8", errors="replace") as file:
            text += file.read()
        os.remove(name)
    return text


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def found_out(bench, what, conf, sentence):
    """What is missing in the JVM's end and in its report."""
    command = [bench.jdk.tool("java"), "-Xmx64m",
               "-XX:ErrorFile=" + bench.folder + "/hs_err_%p.log",
               "-Djava.library.path=" + bench.folder, "-cp", bench.folder, "Broken", what]
    done = subprocess.run(command, env=bench.environment(conf), cwd=bench.folder, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=jvm.LIMIT_SECONDS, check=False, preexec_fn=no_core)
    report = take_report(bench)
    if done.returncode != -signal.SIGABRT:
        yield "it ended with %d" % done.returncode
    if not re.search("^trimalloc: " + sentence + "$", done.stderr, re.MULTILINE):
        yield "no sentence in\n" + done.stderr
    for part in ("SIGILL", "Native frames:", " Broken.%s()V" % what, "libtrimalloc.so"):
        if part not in report:
            yield "the hs_err file has no " + part + (":\n" + report[:1500] if report else "")


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM whose native code breaks the heap is found out"):
        build(bench)
        for what, conf, sentence in BROKEN:
            report.sentence("%s says by a sentence and in hs_err that native code does %s%s"
                            % (bench.jdk, what, " (%s)" % conf if conf else ""),
                            found_out(bench, what, conf, sentence))
        report.sentence("%s does its daily work with check:full" % bench.jdk,
                        bench.run_loads([], LOADS, CHECK))
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""matrix.py -- every collector, and every option that changes what a JVM asks of malloc.

Takes minutes per JDK: `make check-java-matrix`, and a part of `make
check-programs`. Tracking adds a header and a footer to each block and checks
them when it is freed, so it finds a neighbour's overrun; collectors differ in
their threads and in what they allocate; large pages, pretouching and archives
of classes change what lies beside our memory. With --table the results come as
rows for tests/README.md, with --from NAME only from the first set on whose name
begins so. tests/java/flags.py is the short form.
"""

import argparse
import itertools
import time

import jvm
from jvm import tap

COLLECTORS = ("Serial", "Parallel", "G1", "Z", "Shenandoah", "Epsilon")
TRACKING = ("off", "summary", "detail")
LAUNCHERS = ("POSIX_SPAWN", "VFORK", "FORK")
LOADS = ["gzip:16,10", "direct:8,60", "jni:4,2000", "strings:1000", "threads:200", "children:2,5"]
# Nothing is ever collected there.
FEW_LOADS = ["gzip:4,5", "direct:4,20", "jni:4,2000", "strings:200", "threads:50", "children:2,2"]

UNLOCK = ["-XX:+UnlockExperimentalVMOptions", "-XX:+UnlockDiagnosticVMOptions"]

# What is asked for beside the collector, and how a table names it.
FLAGS = [
    ("calls of JNI checked", ["-Xcheck:jni"]),
    ("calls of JNI checked, tracking detail", ["-Xcheck:jni", "-XX:NativeMemoryTracking=detail"]),
    ("large pages, which there are none of", ["-XX:+UseLargePages"]),
    ("transparent huge pages", ["-XX:+UseTransparentHugePages"]),
    ("transparent huge pages, heap touched at the start", ["-XX:+UseTransparentHugePages", "-XX:+AlwaysPreTouch"]),
    ("heap touched at the start", ["-XX:+AlwaysPreTouch"]),
    ("no archive of classes", ["-Xshare:off"]),
    ("archive of classes demanded", ["-Xshare:on"]),
    ("class pointers not compressed", ["-XX:-UseCompressedClassPointers"]),
    ("object pointers not compressed", ["-XX:-UseCompressedOops"]),
    ("interpreter only", ["-Xint"]),
    ("first compiler only", ["-XX:TieredStopAtLevel=1"]),
    ("second compiler only", ["-XX:-TieredCompilation"]),
    ("code cache in one piece", ["-XX:-SegmentedCodeCache"]),
    ("strings deduplicated", ["-XX:+UseStringDeduplication"]),
    ("trimming every 100 ms", ["-XX:TrimNativeHeapInterval=100"]),
    ("few threads for collectors and compilers",
     ["-XX:ActiveProcessorCount=1", "-XX:ParallelGCThreads=1"]),
    ("malloc bounded by tracking", ["-XX:NativeMemoryTracking=summary", "-XX:MallocLimit=4g"]),
]


def collector(name):
    return ["-XX:+Use%sGC" % name] + (["-Xmx1g"] if name == "Epsilon" else [])


def why_not(bench, options):
    """What this JVM says of options that it does not have, or None."""
    wrong, out, err = bench.run([bench.jdk.tool("java")] + UNLOCK + options + ["-version"])
    if not wrong:
        return None
    lines = [line for line in (out + err).splitlines() if line.strip()] or ["nothing"]
    refused = [line for line in lines if "Unrecognized" in line or "not supported" in line or "Conflicting" in line]
    return refused[0].strip() if refused else None


class Matrix:
    """Counts sentences, and keeps rows of a table."""

    def __init__(self, report, first=""):
        self.report = report
        self.first = first
        self.begun = False
        self.rows = {}

    def run(self, bench, name, options, loads=None):
        self.begun = self.begun or name.startswith(self.first)
        if not self.begun:
            return
        text = "%s works with %s" % (bench.jdk, name)
        reason = why_not(bench, options)
        begin = time.monotonic()
        if reason:
            self.report.skip(text, reason)
            self.rows.setdefault(name, []).append("not there")
            return
        good = self.report.sentence(text, bench.run_loads(UNLOCK + options, loads or LOADS))
        self.rows.setdefault(name, []).append(
            "%.1f s" % (time.monotonic() - begin) if good else "**fails**")

    def print_table(self, jdks):
        print("| option | " + " | ".join(str(jdk) for jdk in jdks) + " |")
        print("|---" * (1 + len(jdks)) + "|")
        for name, cells in self.rows.items():
            print("| %s | %s |" % (name, " | ".join(cells)))


def run_all(matrix, bench):
    for gc, tracking in itertools.product(COLLECTORS, TRACKING):
        matrix.run(bench, "the %s collector, tracking %s" % (gc, tracking),
                   collector(gc) + ["-XX:NativeMemoryTracking=" + tracking],
                   FEW_LOADS if gc == "Epsilon" else LOADS)
    for name, options in FLAGS:
        matrix.run(bench, name, options)
    for gc in ("Serial", "Parallel", "Z"):
        matrix.run(bench, "the %s collector, calls of JNI checked, heap touched at the start" % gc,
                   collector(gc) + ["-Xcheck:jni", "-XX:+AlwaysPreTouch"])
    for launcher in LAUNCHERS:
        matrix.run(bench, "300 children by %s" % launcher,
                   ["-Djdk.lang.Process.launchMechanism=" + launcher], ["children:6,50"])
    matrix.run(bench, "1000 threads three times, trimming every second",
               ["-XX:TrimNativeHeapInterval=1000"], ["threads:1000", "gzip:8,20"] * 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--from", dest="first", default="")
    wishes = parser.parse_args()
    report = tap.Report()
    matrix, jdks = Matrix(report, wishes.first), []
    for bench in jvm.each_bench(report, "every collector runs"):
        jdks.append(bench.jdk)
        matrix.begun = False
        run_all(matrix, bench)
    if jdks and not matrix.rows:
        report.sentence("a set of options is named '%s...'" % wishes.first, ["there is none"])
    if wishes.table:
        matrix.print_table(jdks)
    report.end()


if __name__ == "__main__":
    main()

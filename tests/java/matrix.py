#!/usr/bin/env python3
"""matrix.py -- every collector with every kind of native memory tracking.

Takes a minute or two per JDK: a part of `make check-programs`. Tracking adds a
header and a footer to each block and checks them when it is freed, so it finds
a neighbour's overrun; collectors differ in their threads and in what they
allocate.
"""

import itertools

import jvm
from jvm import tap

COLLECTORS = ("Serial", "Parallel", "G1", "Z")
TRACKING = ("off", "summary", "detail")
LAUNCHERS = ("POSIX_SPAWN", "VFORK", "FORK")
LOADS = ["gzip:16,10", "direct:8,60", "jni:4,2000", "strings:1000", "threads:200", "children:2,5"]


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "every collector runs"):
        for collector, tracking in itertools.product(COLLECTORS, TRACKING):
            report.sentence(
                "%s works with the %s collector and tracking %s" % (bench.jdk, collector, tracking),
                bench.run_loads(["-XX:+Use%sGC" % collector, "-XX:NativeMemoryTracking=" + tracking], LOADS))
        for launcher in LAUNCHERS:
            report.sentence(
                "%s starts 300 children by %s" % (bench.jdk, launcher),
                bench.run_loads(["-Djdk.lang.Process.launchMechanism=" + launcher], ["children:6,50"]))
        report.sentence(
            "%s starts and ends 1000 threads three times, trimming every second" % bench.jdk,
            bench.run_loads(["-XX:+UnlockExperimentalVMOptions", "-XX:TrimNativeHeapInterval=1000"],
                            ["threads:1000", "gzip:8,20"] * 3))
        report.sentence(
            "%s works with large pages of the heap advised" % bench.jdk,
            bench.run_loads(["-XX:+UseTransparentHugePages"], LOADS))
    report.end()


if __name__ == "__main__":
    main()

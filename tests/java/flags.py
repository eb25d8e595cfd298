#!/usr/bin/env python3
"""flags.py -- the short form of matrix.py: a few runs with many options each."""

import jvm
import matrix
from jvm import tap

LOADS = ["gzip:4,5", "direct:4,20", "jni:2,500", "strings:200", "threads:40"]
RUNS = [
    ("the Serial collector, calls of JNI checked, tracking in detail, and nothing compressed",
     ["-XX:+UseSerialGC", "-Xcheck:jni", "-XX:NativeMemoryTracking=detail", "-Xshare:off",
      "-XX:-UseCompressedOops", "-XX:-UseCompressedClassPointers"]),
    ("the Z collector, its heap touched at the start, on huge pages",
     ["-XX:+UseZGC", "-XX:+AlwaysPreTouch", "-XX:+UseTransparentHugePages"]),
    ("the Parallel collector, large pages, one compiler, trimming every 100 ms",
     ["-XX:+UseParallelGC", "-XX:+UseLargePages", "-XX:TieredStopAtLevel=1", "-XX:TrimNativeHeapInterval=100"]),
]


def main():
    report = tap.Report()
    runs = matrix.Matrix(report)
    for bench in jvm.each_bench(report, "JVMs run with many options"):
        for name, options in RUNS:
            runs.run(bench, name, options, LOADS)
    report.end()


if __name__ == "__main__":
    main()

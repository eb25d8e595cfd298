#!/usr/bin/env python3
"""basics.py -- a JVM does its daily work under the library."""

import os
import re

import jvm
from jvm import tap

CLASSES = 150
# Proof of presence where the program is not ours and cannot read its maps.
STATISTICS = "stats_at_exit:true"


def with_statistics(result):
    complaints, _, errors = result
    if not re.search(r"^trimalloc \S+ statistics\b", errors, re.MULTILINE):
        complaints.append("the library wrote no statistics at exit: was it there?")
    return complaints


def version(bench):
    return with_statistics(bench.run([bench.jdk.tool("java"), "-version"], STATISTICS))


def source(number):
    """A class of some size that uses its predecessor, generics, a lambda and a switch."""
    before = "new C%d().value(n - 1)" % (number - 1) if number else "n"
    methods = "\n".join("""
    java.util.Map<String, java.util.List<Integer>> group%d(java.util.List<Integer> in) {
        return in.stream().filter(i -> i %% %d == 0)
            .collect(java.util.stream.Collectors.groupingBy(i -> switch (i %% 3) {
                case 0 -> "fizz"; case 1 -> "buzz"; default -> String.valueOf(i); }));
    }""" % (m, m + 2) for m in range(8))
    return "class C%d {\n    int value(int n) { return n <= 0 ? %d : %s; }%s\n}\n" % (
        number, number, before, methods)


def compile_classes(bench):
    folder = os.path.join(bench.folder, "generated")
    os.makedirs(folder, exist_ok=True)
    sources = []
    for number in range(CLASSES):
        sources.append(os.path.join(folder, "C%d.java" % number))
        with open(sources[-1], "w", encoding="utf-8") as file:
            file.write(source(number))
    complaints = with_statistics(bench.run(
        [bench.jdk.tool("javac"), "-J-Xmx256m", "-d", folder] + sources, STATISTICS))
    for number in range(CLASSES):
        if not os.path.exists(os.path.join(folder, "C%d.class" % number)):
            complaints.append("javac made no C%d.class" % number)
            break
    return complaints


LOADS = (
    ("compresses and expands in 16 threads", [], ["gzip:16,12"]),
    ("keeps what is in direct buffers and in blocks of Unsafe", [], ["direct:8,60"]),
    ("frees in one thread what native code allocated in another", [], ["jni:4,3000"]),
    ("passes strings and arrays to native code", ["-Xcheck:jni"], ["strings:3000"]),
    ("starts and ends 1000 threads", [], ["threads:1000"]),
    ("starts 100 children from 4 threads", [], ["children:4,25"]),
    ("starts children by fork from 4 threads", ["-Djdk.lang.Process.launchMechanism=FORK"], ["children:4,10"]),
    ("runs with G1 and native memory tracked in detail",
     ["-XX:+UseG1GC", "-XX:NativeMemoryTracking=detail"], ["gzip:4,4", "direct:4,20", "jni:2,500"]),
    ("runs with ZGC and a summary of native memory",
     ["-XX:+UseZGC", "-XX:NativeMemoryTracking=summary"], ["gzip:4,4", "direct:4,20", "jni:2,500"]),
)


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM does its daily work"):
        report.sentence("%s says its version" % bench.jdk, version(bench))
        report.sentence("%s compiles %d classes" % (bench.jdk, CLASSES), compile_classes(bench))
        for sentence, options, loads in LOADS:
            report.sentence("%s %s" % (bench.jdk, sentence), bench.run_loads(options, loads))
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""profiled.py -- a JVM whose threads are interrupted a thousand times a second, as by a profiler.

Signals arrive in the midst of malloc and free, of purges' requests and of
drains; the handler walks the stack (profiler.c).
"""

import os
import re
import shlex

import jvm
from jvm import tap

LOADS = ["gzip:6,15", "direct:6,40", "jni:6,3000", "strings:500", "threads:60"]


def build_agent(bench):
    include = os.path.join(bench.jdk.home, "include")
    path = os.path.join(bench.folder, "libprofiler.so")
    jvm.build(shlex.split(os.environ.get("CC", "cc")) + [
        "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", "-pthread", "-I" + include,
        "-I" + os.path.join(include, "linux"), "-o", path, os.path.join(jvm.HERE, "profiler.c"), "-lrt"])
    return path


def complaints(bench, conf):
    command = bench.load_command(["-agentpath:" + build_agent(bench)], LOADS)
    wrong, output, _ = bench.run(command, conf)
    yield from wrong
    for load in LOADS:
        if "passed " + load not in output.splitlines():
            yield "the load %s was not passed" % load
    found = re.search(r"^profiler: (\d+) samples, (\d+) frames$", output, re.M)
    if not found or int(found.group(1)) < 100 or int(found.group(2)) == 0:
        yield "the profiler said: %s" % (found and found.group(0))


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "threads are interrupted"):
        # The harder of the two: with purges all the time.
        report.sentence("%s works while each thread gets 1000 signals a second" % bench.jdk,
                        complaints(bench, "decay_ms:0"))
    report.end()


if __name__ == "__main__":
    main()

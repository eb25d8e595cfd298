#!/usr/bin/env python3
"""native.py -- libtrimalloc_jni beside the JVM's own malloc, in native code.

TRI_JNI_LIB and TRI_JNI_ARCHIVE are the two forms (set by `make check`).
"""

import os

import jvm
from jvm import tap

INCLUDE = os.path.join(jvm.HERE, os.pardir, os.pardir, "include")
LOADS = ["jni:4,3000", "strings:500", "threads:100"]


def build(bench, arguments, library):
    """The test's native code on tri_malloc; `library` is what then must be mapped."""
    bench.build_native(["-DCROSS_TRI=1", "-I" + INCLUDE] + arguments)
    bench.preload = None
    bench.library = library


def main():
    report = tap.Report()
    shared = os.path.realpath(os.environ.get("TRI_JNI_LIB", "unset"))
    archive = os.path.realpath(os.environ.get("TRI_JNI_ARCHIVE", "unset"))
    for bench in jvm.each_bench(report, "native code brings libtrimalloc_jni into a JVM"):
        build(bench, [shared, "-Wl,-rpath," + os.path.dirname(shared)], shared)
        report.sentence("%s loads native code that needs libtrimalloc_jni.so" % bench.jdk,
                        bench.run_loads([], LOADS))
        bench.preload = jvm.LIBRARY
        report.sentence("%s has libtrimalloc.so and libtrimalloc_jni.so side by side" % bench.jdk,
                        bench.run_loads([], LOADS))
        build(bench, [archive, "-pthread"], os.path.join(bench.folder, "libcross.so"))
        report.sentence("%s loads native code that has libtrimalloc_jni.a inside" % bench.jdk,
                        bench.run_loads([], LOADS))
    report.end()


if __name__ == "__main__":
    main()

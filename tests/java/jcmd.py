#!/usr/bin/env python3
"""jcmd.py -- the JVM's own commands about native memory act on the library.

A JVM holds HELD megabytes in native blocks, then frees them; purging by time is
switched off meanwhile, so that only the command can have given them back.
"""

import re

import jvm
from holder import MB, holder
from jvm import tap

HELD = 160
UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
KEEP_FREED = "decay_ms:-1"


def size(number, unit):
    return int(number) * UNITS[unit]


def describes_held_memory(one):
    """VM.info has mallinfo2's figures: outstanding must be what is held, and not much more."""
    said = one.jcmd("VM.info")
    found = re.search(r"C-Heap outstanding allocations: (\d+)([KMG]), retained: (\d+)([KMG])", said)
    if not found:
        return ["VM.info has no line about the C heap"]
    outstanding = size(found.group(1), found.group(2))
    if not HELD * MB <= outstanding <= 2 * HELD * MB:
        return ["%d MB are held, VM.info says %d" % (HELD, outstanding // MB)]
    return []


def lists_held_memory(one):
    """System.native_heap_info prints malloc_info's text: XML whose totals cover what is held."""
    said = one.jcmd("System.native_heap_info")
    if not re.search(r"<malloc version=.*</malloc>", said, re.DOTALL):
        return ["System.native_heap_info printed no XML of malloc_info:\n" + said[:500]]
    total = re.findall(r'<system type="current" size="(\d+)"/>', said)
    if not total or int(total[-1]) < HELD * MB:
        return ["%d MB are held, malloc_info says %s bytes" % (HELD, total[-1:])]
    return []


def gives_back_freed_memory(one):
    """System.trim_native_heap calls malloc_trim, and prints resident memory before and after."""
    before = one.resident()
    said = one.jcmd("System.trim_native_heap")
    after = one.resident()
    found = re.search(r"RSS\+Swap: (\d+)([BKMG])->(\d+)([BKMG])", said)
    if not found:
        yield "System.trim_native_heap reports no sizes:\n" + said
    elif size(found.group(1), found.group(2)) - size(found.group(3), found.group(4)) < HELD * MB * 9 // 10:
        yield "%d MB were freed, the JVM reports: %s" % (HELD, found.group(0))
    if before < HELD * MB:
        yield "the freed memory was gone before the command: %d MB were resident" % (before // MB)
    if before - after < HELD * MB * 9 // 10:
        yield "%d MB were freed, resident went from %d to %d MB" % (HELD, before // MB, after // MB)


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "jcmd's commands act on the library"):
        with holder(bench, "hold:%d" % HELD, KEEP_FREED) as one:
            report.sentence("%s: VM.info tells how much native memory is allocated" % bench.jdk,
                            describes_held_memory(one))
            sentence = "%s: System.native_heap_info lists the native heap" % bench.jdk
            if one.has("System.native_heap_info"):
                report.sentence(sentence, lists_held_memory(one))
            else:
                report.skip(sentence, "this JDK does not have the command")
            one.free()
            sentence = "%s: System.trim_native_heap gives freed memory back and says so" % bench.jdk
            if one.has("System.trim_native_heap"):
                report.sentence(sentence, gives_back_freed_memory(one))
            else:
                report.skip(sentence, "this JDK does not have the command")
            report.sentence("%s: the JVM asked by jcmd ends well" % bench.jdk, one.end())
    report.end()


if __name__ == "__main__":
    main()

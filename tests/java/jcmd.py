#!/usr/bin/env python3
"""jcmd.py -- the JVM's own commands about native memory act on the library.

A JVM holds HELD megabytes in native blocks, then frees them; purging by time is
switched off meanwhile, so that only the command can have given them back.
"""

import re
import xml.etree.ElementTree as ElementTree

import jvm
from holder import MB, holder
from jvm import tap

HELD = 160
UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
KEEP_FREED = "decay_ms:-1"


def size(number, unit):
    return int(number) * UNITS[unit]


def outstanding(one):
    """What VM.info says is allocated, by mallinfo2; None where it says nothing."""
    found = re.search(r"C-Heap outstanding allocations: (\d+)([KMG]), retained: (\d+)([KMG])",
                      one.jcmd("VM.info"))
    return size(found.group(1), found.group(2)) if found else None


def describes_held_memory(one):
    """VM.info has mallinfo2's figures: outstanding must be what is held, and not much more."""
    said = outstanding(one)
    if said is None:
        return ["VM.info has no line about the C heap"]
    if not HELD * MB <= said <= 2 * HELD * MB:
        return ["%d MB are held, VM.info says %d" % (HELD, said // MB)]
    return []


def native_heap_info(one):
    """malloc_info's document as System.native_heap_info prints it, and its own numbers."""
    said = one.jcmd("System.native_heap_info")
    found = re.search(r"<malloc version=.*</malloc>", said, re.DOTALL)
    if not found:
        raise ValueError("System.native_heap_info printed no XML of malloc_info:\n" + said[:500])
    root = ElementTree.fromstring(found.group(0))
    return root, {e.tag: int(e.text) for e in root.find("trimalloc")}


def lists_held_memory(one):
    """System.native_heap_info prints malloc_info's text: XML whose totals cover what is held."""
    root, own = native_heap_info(one)
    current = int(root.find('system[@type="current"]').get("size"))
    if current < HELD * MB:
        yield "%d MB are held, malloc_info says %d bytes" % (HELD, current)
    if not HELD * MB <= own["allocated"] <= 2 * HELD * MB:
        yield "%d MB are held, %d bytes are allocated" % (HELD, own["allocated"])
    if len(root.findall("heap")) != own["arenas"]:
        yield "%d heaps of %d arenas" % (len(root.findall("heap")), own["arenas"])
    said = outstanding(one)
    if said is None or abs(said - own["allocated"]) > own["allocated"] // 50:
        yield "VM.info has %s bytes outstanding, malloc_info %d" % (said, own["allocated"])


def presents_a_bill(one):
    """What is printed adds up, and to what the kernel says but for what threads do meanwhile."""
    _, own = native_heap_info(one)
    left = sum(own[name] for name in ("allocated", "cached", "shelved", "slab_free", "dirty"))
    if left - own["untouched"] + own["unaccounted"] != own["resident"]:
        yield "it does not add up: %r" % own
    if abs(own["unaccounted"]) > own["resident"] // 20:
        yield "%(unaccounted)d of %(resident)d bytes are unaccounted" % own
    if not HELD * MB <= own["resident"] <= one.resident():
        yield "%d bytes of %d are said to be resident" % (own["resident"], one.resident())


def counts_the_trim(one):
    """After the trim: its number, and what it gave."""
    _, own = native_heap_info(one)
    if own["trims"] != 1 or own["purged"] < HELD * MB * 9 // 10:
        yield "%(trims)d trims gave %(purged)d bytes" % own
    if own["allocated"] > HELD * MB or own["resident"] > HELD * MB:
        yield "%(allocated)d bytes are still allocated, %(resident)d resident" % own


def check_native_heap_info(report, bench, one):
    sentences = (("System.native_heap_info lists the native heap", lists_held_memory),
                 ("and a bill that adds up to what is resident", presents_a_bill))
    for sentence, check in sentences:
        sentence = "%s: %s" % (bench.jdk, sentence)
        if one.has("System.native_heap_info"):
            report.sentence(sentence, check(one))
        else:
            report.skip(sentence, "this JDK does not have the command")


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
            check_native_heap_info(report, bench, one)
            one.free()
            sentence = "%s: System.trim_native_heap gives freed memory back and says so" % bench.jdk
            if one.has("System.trim_native_heap"):
                report.sentence(sentence, gives_back_freed_memory(one))
            else:
                report.skip(sentence, "this JDK does not have the command")
            sentence = "%s: System.native_heap_info then tells of that" % bench.jdk
            if one.has("System.native_heap_info") and one.has("System.trim_native_heap"):
                report.sentence(sentence, counts_the_trim(one))
            else:
                report.skip(sentence, "this JDK does not have the commands")
            report.sentence("%s: the JVM asked by jcmd ends well" % bench.jdk, one.end())
    report.end()


if __name__ == "__main__":
    main()

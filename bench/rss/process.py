"""Looks at a running process from outside, by /proc."""

import os
import re

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Threads that allocators start for themselves.
HELPERS = ("trimalloc", "jemalloc_bg_thd")


class Gone(Exception):
    """The process has ended."""


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise Gone from gone


def rss_bytes(pid):
    """Cheap enough to be called all the time: one short line."""
    return int(read(pid, "statm").split()[1]) * PAGE


def peak_bytes(pid):
    found = re.search(r"VmHWM:\s*(\d+) kB", read(pid, "status"))
    if not found:
        raise Gone  # a zombie has no memory
    return int(found.group(1)) * 1024


def stat_fields(pid):
    """The fields of stat from the third on: a name may hold blanks and braces."""
    return read(pid, "stat").rpartition(")")[2].split()


def usage(pid):
    """(CPU seconds, minor faults) of all threads, also those that have ended."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) * TICK_S, int(fields[7])


def family_cpu_s(pid):
    """CPU seconds of all threads, and of the children that were waited for."""
    return sum(map(int, stat_fields(pid)[11:15])) * TICK_S


def threads(pid):
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise Gone from gone


def thread_cpu_s(pid, tid):
    """In nanoseconds where the kernel counts them, else in its ticks."""
    try:
        return int(read(pid, f"task/{tid}/schedstat").split()[0]) / 1e9
    except (Gone, ValueError, IndexError):
        fields = read(pid, f"task/{tid}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


def is_helper(pid, tid):
    return read(pid, f"task/{tid}/comm").strip() in HELPERS


def helper_cpu_s(pid):
    """CPU seconds of the allocator's own threads that are alive."""
    spent = 0.0
    for tid in threads(pid):
        try:
            if is_helper(pid, tid):
                spent += thread_cpu_s(pid, tid)
        except Gone:
            continue
    return spent


def voluntary_switches(pid):
    """How often threads that are alive gave up a CPU by themselves: wake-ups,
    as far as they went to sleep again."""
    switches = 0
    for tid in threads(pid):
        try:
            found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)",
                              read(pid, f"task/{tid}/status"), re.MULTILINE)
        except Gone:
            continue
        switches += int(found.group(1)) if found else 0
    return switches


def mapped_files(pid):
    return {line.split(None, 5)[5].rstrip("\n") for line in read(pid, "maps").splitlines()
            if len(line.split(None, 5)) == 6}

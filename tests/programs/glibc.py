#!/usr/bin/env python3
"""glibc.py -- what trimalloc-glibc(7) says about functions and variables is so.

The same program says what it sees under glibc and under the library.
"""

import re

import jemalloc
import tap

# What habits.c says: under glibc (None: it depends on the version), and here.
SAYS = {
    "malloc(0) is a block": (1, 1),
    "realloc(p, 0) is a block": (0, 0),
    "usable size of 1000": (1000, 1024),
    "usable size of 24": (24, 32),
    "alignment of 24 is 16": (1, 1),
    "errno above PTRDIFF_MAX": (12, 12),
    "errno of a product that overflows": (12, 12),
    "memalign(24) is aligned to 32": (1, 1),
    "posix_memalign(24)": (22, 22),
    "aligned_alloc(24) fails with": (None, 22),
    "errno after free": (77, 77),
    "malloc_info(1)": (22, 22),
    "mallopt(unknown)": (1, 0),
    "the heap's top moves": (1, 0),
    "uordblks falls by what is freed": (1, 1),
    "fordblks grows by what is freed": (1, 1),
    "malloc_trim gives something back": (1, 1),
    "hblks": (None, 0),
    "__malloc_hook": (None, 0),
    "VmSize in GiB": (0, 256),
}
SAYS.update({"mallopt(M_%s)" % name: (1, 1) for name in (
    "MXFAST", "TRIM_THRESHOLD", "TOP_PAD", "MMAP_THRESHOLD", "MMAP_MAX", "CHECK_ACTION", "PERTURB",
    "ARENA_TEST", "ARENA_MAX")})

VARIABLES = {
    "MALLOC_ARENA_MAX": "1", "MALLOC_ARENA_TEST": "1", "MALLOC_TRIM_THRESHOLD_": "1", "MALLOC_TOP_PAD_": "1",
    "MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_MMAP_MAX_": "0", "MALLOC_PERTURB_": "170", "MALLOC_CHECK_": "3",
    "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.tcache_count=0:glibc.malloc.hugetlb=2",
}


def said(program, preload, **env):
    """What the program says, as {name: number}, and its complaints."""
    status, output, errors = jemalloc.run([program], preload, **env)
    found = ["status %s: %s" % (status, errors[-500:])] if status != 0 or errors else []
    return {name: int(number) for name, number in re.findall(r"^(.*) (-?\d+)$", output, re.MULTILINE)}, found


def differences(heard, place):
    for name, values in SAYS.items():
        if values[place] is not None and heard.get(name) != values[place]:
            yield "%s: it says %s, not %d" % (name, heard.get(name), values[place])


def main():
    report = tap.Report()
    program = jemalloc.built("habits")
    if program is None:
        report.sentence("the program to ask was built", ["there is no tests/programs/habits"])
        report.end()
    # Memory that goes back by itself meanwhile would be missing in the sums.
    keep = {"TRIMALLOC_CONF": "decay_ms:-1"}
    heard, found = said(program, None)
    report.sentence("glibc does what trimalloc-glibc(7) says of it", found + list(differences(heard, 0)))
    plain, found = said(program, jemalloc.library(), **keep)
    report.sentence("the library does what trimalloc-glibc(7) says of it", found + list(differences(plain, 1)))
    heard, found = said(program, jemalloc.library(), **keep, **VARIABLES)
    report.sentence("glibc's variables change nothing under the library",
                    found + list(differences(heard, 1)) + ([] if heard == plain else [
                        "%s: %s, not %s" % (key, heard.get(key), plain[key]) for key in plain
                        if heard.get(key) != plain[key]]))
    status, _, errors = jemalloc.run([program, "twice"], jemalloc.library())
    report.sentence("a block that is freed twice ends the process with the sentence that the page has",
                    [] if status == -6 and re.fullmatch(r"trimalloc: free\(\): 0x[0-9a-f]+ was already freed \(class \d+ bytes, [^()]+\)\n", errors)
                    else ["status %s, and: %s" % (status, errors)])
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""hardened.py -- what of the library's memory may be written to, and what of
its layout can be foretold.

Starts programs under TRI_LIB: one whose map is read, one that prints addresses
in an address space that the kernel lays out without chance.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "rules"))

import tap

LIB = os.environ["TRI_LIB"]
BUILT = os.environ.get("top_builddir", ".")
NBLOCKS = 32
NRUNS = 16
PAGE = 4096

# Written at boot and never again; others, in one object with them, must be so.
SEALED = ("api_table", "region_front", "tri_option_texts")
WRITABLE = ("tri_options", "region_front_end")


def run(command, conf=""):
    env = dict(os.environ, LD_PRELOAD=LIB, TRIMALLOC_CONF=conf)
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def symbols():
    """{name: (offset, bytes)} of the library's own variables."""
    out = subprocess.run(os.environ.get("NM", "nm").split() + ["-S", LIB], check=True,
                         capture_output=True, text=True).stdout
    found = re.findall(r"^(\w+) (\w+) [bBdD] (\w+)$", out, re.M)
    return {name: (int(at, 16), int(size, 16)) for at, size, name in found}


def mappings(maps):
    for line in maps.splitlines():
        words = line.split(None, 5)
        start, end = (int(x, 16) for x in words[0].split("-"))
        yield start, end, words[1], words[5] if len(words) > 5 else ""


def rights(maps, addr, size):
    """Of all pages of a range."""
    return {flags for start, end, flags, _ in mappings(maps)
            if start < addr + size and addr < end}


def wrong_rights(names, wanted):
    maps = run(["cat", "/proc/self/maps"]).stdout
    base = min((start for start, _, _, path in mappings(maps)
                if path and os.path.realpath(path) == os.path.realpath(LIB)), default=None)
    if base is None:
        yield "the library is not there"
        return
    known = symbols()
    for name in names:
        if name not in known:
            yield "%s: no such variable" % name
            continue
        found = rights(maps, base + known[name][0], known[name][1])
        if found != {wanted}:
            yield "%s: %s" % (name, " ".join(sorted(found)) or "nowhere")


def layout(conf):
    """The addresses that one run prints; None where chance cannot be shut out."""
    done = run([os.path.join(BUILT, "tests/process/layout")], conf)
    if done.returncode == 77:
        return None
    if done.returncode or done.stderr:
        raise SystemExit("layout: status %d, %s" % (done.returncode, done.stderr))
    return [int(line, 16) for line in done.stdout.split()]


def orders(runs, start):
    """How the blocks follow each other, whatever the slab's place."""
    return {tuple(a - min(r[start:start + NBLOCKS]) for a in r[start:start + NBLOCKS])
            for r in runs}


def too_few(what, found, least):
    if len(found) < least:
        yield "%d of %d %s differ" % (len(found), NRUNS, what)


def main():
    report = tap.Report()
    if os.sysconf("SC_PAGESIZE") == PAGE:
        report.sentence("what boot has written can be written to no more",
                        wrong_rights(SEALED, "r--p"))
        report.sentence("what may change later can be written to",
                        wrong_rights(WRITABLE, "rw-p"))
    else:
        report.skip("what boot has written can be written to no more", "larger pages")

    plain = [layout("") for _ in range(3)]
    if plain[0] is None:
        report.skip("where blocks lie is a matter of what was asked for", "no personality()")
        report.skip("with randomize nobody foretells it", "no personality()")
        report.end()
    report.sentence("where blocks lie is a matter of what was asked for",
                    [] if plain[0] == plain[1] == plain[2] else ["three runs differ"])
    runs = [layout("randomize:true") for _ in range(NRUNS)]
    # 32 blocks in one of 32! orders; the chunk is one of 1,024.
    report.sentence("with randomize nobody foretells the order of blocks",
                    list(too_few("orders of 64 bytes", orders(runs, 0), NRUNS)) +
                    list(too_few("orders of 1000 bytes", orders(runs, NBLOCKS), NRUNS)))
    report.sentence("with randomize nobody foretells where a large block lies",
                    too_few("places", {r[-1] for r in runs}, NRUNS - 5))
    report.sentence("with randomize blocks are apart all the same",
                    ["two of them are one"] * sum(len(set(r)) != len(r) for r in runs))
    report.end()


main()

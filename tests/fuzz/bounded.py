#!/usr/bin/env python3
"""bounded.py -- each fuzz target on its corpus, and on some inputs more.

How many is fixed, and so is the seed: a run takes seconds, and the next one
tries the same. `make fuzz` goes on for minutes.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules"))

import tap  # noqa: E402

import targets  # noqa: E402

FOUND = os.path.join(targets.BUILT, "bounded")


def last_lines(log, n):
    with open(log, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()[-n:]


def try_target(target, name=None, runs=None, variables=None):
    """(exit status, folder, log)."""
    found = os.path.join(FOUND, name or target)
    shutil.rmtree(found, ignore_errors=True)
    corpus = targets.corpus(target)
    new = os.path.join(found, "new")
    os.makedirs(new)
    # An engine that writes what is new to the first folder.
    folders = [new, corpus] if targets.has_libfuzzer(targets.program(target)) else [corpus]
    log = os.path.join(found, "log")
    status = targets.run(target, found,
                         ["-seed=1", "-runs=%d" % (runs or targets.RUNS[target])]
                         + folders, log, variables)
    return status, found, log


def holds(target, status, found, log):
    if status == 0 and not targets.crashes(found):
        return
    yield "exit status %d" % status
    yield from last_lines(log, 40)
    for path in targets.crashes(found):
        yield "again: %s %s" % (targets.replay(target), path)


def is_found(bug):
    """The bug breaks the target, the input that is kept breaks it again, and
    nothing else does."""
    variables = {"PLANTED": bug}
    status, found, log = try_target("planted", "planted_" + bug,
                                    targets.RUNS["sequences"], variables)
    kept = targets.crashes(found)
    if status == 0 or not kept:
        yield "exit status %d, and %d inputs are kept" % (status, len(kept))
        yield from last_lines(log, 10)
        return
    for path in kept:
        if targets.run("planted", found, [path], log + "-again", variables) == 0:
            yield "%s does not break it again" % path
        if targets.run("planted", found, [path], log + "-healthy", {"PLANTED": ""}):
            yield "%s breaks what has no bug in it" % path
            yield from last_lines(log + "-healthy", 10)


def make_knows(names):
    """`make fuzz` for some of them: what it would build."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-n", "fuzz", "FUZZ_TARGETS=" + "  ".join(names)],
                          cwd=os.environ.get("top_builddir", "."), env=env, check=False,
                          capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        yield "exit status %d" % done.returncode
        yield from done.stderr.splitlines()[-5:]
    if "interface" in names and "libtrimalloc.la" not in done.stdout:
        yield "the library that the target interface runs on is not built"


def main():
    report = tap.Report()
    names = targets.built(targets.RUNS)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bugs = [pool.submit(lambda bug=bug: list(is_found(bug)))
                for bug in targets.PLANTED]
        results = list(pool.map(try_target, names))
    report.sentence("there are fuzz targets", [] if names else ["none is built"])
    for name, result in zip(names, results):
        ncorpus = len(os.listdir(targets.corpus(name)))
        report.sentence("%s: nothing breaks it, by %d inputs that are kept and "
                        "%d runs" % (name, ncorpus, targets.RUNS[name]),
                        holds(name, *result) if ncorpus else ["its corpus is empty"])
    report.sentence("make fuzz takes targets by their names, and builds what they run on",
                    make_knows(names))
    for bug, result in zip(targets.PLANTED, bugs):
        report.sentence("a bug in %s that was put there is found" % bug, result.result())
    report.end()


main()

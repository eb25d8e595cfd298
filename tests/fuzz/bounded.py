#!/usr/bin/env python3
"""bounded.py -- each fuzz target on its corpus, and on some inputs more.

How many is fixed, and so is the seed: a run takes seconds, and the next one
tries the same. `make fuzz` goes on for minutes.
"""

import concurrent.futures
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules"))

import tap  # noqa: E402

import targets  # noqa: E402

FOUND = os.path.join(targets.BUILT, "bounded")


def last_lines(log, n):
    with open(log, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()[-n:]


def try_target(target):
    """(exit status, folder, log)."""
    found = os.path.join(FOUND, target)
    shutil.rmtree(found, ignore_errors=True)
    corpus = targets.corpus(target)
    new = os.path.join(found, "new")
    os.makedirs(new)
    runs = targets.RUNS[targets.PLANTED.get(target, target)]
    # An engine that writes what is new to the first folder.
    folders = [new, corpus] if targets.has_libfuzzer(targets.program(target)) else [corpus]
    log = os.path.join(found, "log")
    status = targets.run(target, found,
                         ["-seed=1", "-runs=%d" % runs] + folders, log)
    return status, found, log


def holds(status, found, log):
    if status == 0 and not targets.crashes(found):
        return
    yield "exit status %d" % status
    yield from last_lines(log, 40)
    for path in targets.crashes(found):
        yield "again: %s %s" % (targets.replay(os.path.basename(found)), path)


def main():
    report = tap.Report()
    names = targets.built(targets.RUNS)
    planted = targets.built(targets.PLANTED)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(try_target, names + planted))
    report.sentence("there are fuzz targets", [] if names else ["none is built"])
    for name, result in zip(names, results):
        ncorpus = len(os.listdir(targets.corpus(name)))
        report.sentence("%s: nothing breaks it, by %d inputs that are kept and "
                        "%d runs" % (name, ncorpus, targets.RUNS[name]),
                        holds(*result) if ncorpus else ["its corpus is empty"])
    report.end()


main()

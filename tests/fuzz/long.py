#!/usr/bin/env python3
"""long.py -- `make fuzz` and `make fuzz-merge`.

fuzz        runs each target for FUZZ_SECONDS (600), as many at a time as there
            are CPUs (FUZZ_JOBS). What is new stays in tests/fuzz/found/TARGET
            below the build directory, and the next run goes on from there.
fuzz-merge  what of that adds to the corpora of the source tree goes there, in
            the least number of inputs that reach the same.

FUZZ_TARGETS="options text" names some of them.
"""

import concurrent.futures
import os
import re
import shutil
import sys

import targets

FOUND = os.path.join(targets.BUILT, "found")


def folders(target):
    found = os.path.join(FOUND, target)
    new = os.path.join(found, "new")
    os.makedirs(new, exist_ok=True)
    return found, new


def said(log, pattern, otherwise):
    with open(log, encoding="utf-8", errors="replace") as f:
        hits = re.findall(pattern, f.read())
    return hits[-1] if hits else otherwise


def fuzz_one(target, seconds):
    """Whether nothing broke it."""
    found, new = folders(target)
    log = os.path.join(found, "log")
    status = targets.run(target, found, ["-max_total_time=%d" % seconds,
                                         "-print_final_stats=1", "-reload=0",
                                         new, targets.corpus(target)], log)
    crashes = targets.crashes(found)
    print("%-12s %10s runs, %6s edges, %4d new inputs: %s"
          % (target, said(log, r"number_of_executed_units: (\d+)", "?"),
             said(log, r"cov: (\d+)", "?"), len(os.listdir(new)),
             "nothing broke it" if status == 0 and not crashes else
             "BROKEN (%s says how)" % log), flush=True)
    for path in crashes:
        print("    again: %s %s" % (targets.replay(target), path), flush=True)
    return status == 0 and not crashes


def fuzz(names):
    seconds = int(os.environ.get("FUZZ_SECONDS", "600"))
    jobs = int(os.environ.get("FUZZ_JOBS", os.cpu_count()))
    print("%d targets, %d s each, %d at a time" % (len(names), seconds, jobs), flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return all(list(pool.map(lambda name: fuzz_one(name, seconds), names)))


def merge(names):
    # What another target found for the same corpus is for that one to judge:
    # the built library has no counters of libFuzzer's.
    for name in sorted({targets.source_of(name) for name in names}):
        found, _ = folders(name)
        corpus, merged = targets.corpus(name), os.path.join(found, "merged")
        shutil.rmtree(merged, ignore_errors=True)
        os.makedirs(merged)
        status = targets.run(name, found, ["-set_cover_merge=1", "-use_counters=0", merged, corpus]
                             + [folders(other)[1] for other in targets.RUNS
                                if targets.source_of(other) == name],
                             os.path.join(found, "merge.log"))
        inputs = os.listdir(merged)
        if status != 0 or not inputs:
            print("%s: see %s" % (name, os.path.join(found, "merge.log")))
            return False
        for old in os.listdir(corpus):
            # Those that once broke something have names, and stay.
            if re.fullmatch("[0-9a-f]{40}", old):
                os.unlink(os.path.join(corpus, old))
        for one in inputs:
            shutil.copy(os.path.join(merged, one), corpus)
        print("%-12s %4d inputs, %7d bytes" % (name, len(inputs), sum(
            os.path.getsize(os.path.join(merged, one)) for one in inputs)))
    return True


def main():
    names = targets.built(os.environ.get("FUZZ_TARGETS", " ".join(targets.RUNS)).split())
    if not names or not targets.has_libfuzzer(targets.program(names[0])):
        sys.exit("libFuzzer is clang's: configure with CC=clang CXX=clang++ "
                 "(Debian: clang, libclang-rt-14-dev)")
    sys.exit(not (merge if sys.argv[1:] == ["fuzz-merge"] else fuzz)(names))


main()

#!/usr/bin/env python3
"""runner.py -- what bench/run makes of its samples.

The figures of a benchmark run can be checked by nobody but the runner, so its
arithmetic and its verdicts are checked here, with samples made up.
"""

import math
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from runner import allocators, figures, measure, report, targets  # noqa: E402

NAMES = ["glibc", "jemalloc", "tcmalloc", "trimalloc"]


def sample(ns, peak=1000, **more):
    return {"ns": ns, "cpu_ns": ns, "peak_bytes": peak, "rss": peak, "rest_bytes": peak,
            "minor_faults": 0, **more}


def make(rows):
    """Figures of {(name, group): {allocator: [samples]}}."""
    made = [measure.Row(f"{name}\tcpu\t{group}\t1") for name, group in rows]
    samples = {name: {a: by_allocator.get(a, []) for a in NAMES}
               for (name, _), by_allocator in rows.items()}
    return figures.Figures(made, NAMES, samples)


def times(*ns):
    """One benchmark's samples: one time per allocator, in the order of NAMES."""
    return {name: [sample(t)] for name, t in zip(NAMES, ns) if t is not None}


def differs(what, got, expected):
    same = (got == expected if got is None or expected is None or isinstance(got, (str, bool))
            else math.isclose(got, expected))
    return [] if same else [f"{what}: {got!r} instead of {expected!r}"]


def one_wild_round():
    made = make({("a", "general"): {"glibc": [sample(10), sample(10), sample(1000)]}})
    return differs("median", made.value(made.rows[0], "glibc", "ns"), 10)


def means_are_geometric():
    made = make({("a", "general"): times(1, 1, 1, 4), ("b", "general"): times(1, 1, 1, 0.25)})
    return differs("mean", made.mean("trimalloc", "ns"), 1)


def means_are_over_the_same_rows():
    made = make({("a", "general"): times(1, 0.5, 1, 1), ("b", "general"): times(1, 9, 1, None)})
    return differs("mean of jemalloc", made.mean("jemalloc", "ns"), 0.5)


def idle_rows_have_no_time():
    made = make({("idle/once", "idle"): times(1, 1, 1, 99), ("b", "general"): times(1, 1, 1, 1)})
    return differs("mean", made.mean("trimalloc", "ns"), 1)


def a_slow_round():
    made = make({("a", "general"): {"glibc": [sample(10), sample(90), sample(20)],
                                    "trimalloc": [sample(5), sample(45), sample(10)]}})
    return differs("ratio", made.ratio(made.rows[0], "trimalloc", "ns"), 0.5)


def verdict(judged):
    return judged[1]


def limits_are_sharp():
    met = make({("a", "general"): times(1, 1.0, 1, 1.10)})
    missed = make({("a", "general"): times(1, 1.0, 1, 1.11)})
    return (differs("at the limit", verdict(targets.judge_single_time(met)), True)
            + differs("above it", verdict(targets.judge_single_time(missed)), False))


def the_best_peer_is_the_one_with_the_best_mean():
    made = make({("a", "general"): times(1, 0.1, 0.2, 0.19), ("b", "general"): times(1, 1, 0.2, 0.19)})
    return (differs("peer", made.best_mean_peer(), "tcmalloc")
            + differs("verdict", verdict(targets.judge_mean_time(made, True)), True))


def large_rows_meet_the_fastest_peer():
    made = make({("large/a", "large"): times(1, 2, 3, 1.01), ("b", "general"): times(1, 1, 1, 9)})
    sentence, met, details = targets.judge_large_time(made)
    return (differs(sentence, met, False)
            + differs("details", details[0], "large/a 1.01 of glibc"))


def a_part_of_the_suite_has_no_mean():
    made = make({("a", "general"): times(1, 1, 1, 9)})
    return (differs("time", verdict(targets.judge_mean_time(made, False)), None)
            + differs("RSS", verdict(targets.judge_mean_rss(made, False)), None))


def a_crash_is_a_missed_target():
    judged = targets.judge_failures([("a", "trimalloc", "was killed by signal 11")])
    others = targets.judge_failures([("a", "jemalloc", "was killed by signal 11")])
    return differs("own", verdict(judged), False) + differs("a peer's", verdict(others), True)


def one_instruction_too_many():
    return (differs("42", verdict(targets.judge_instructions({16: 42.04, 64: 42})), True)
            + differs("43", verdict(targets.judge_instructions({16: 42, 64: 43})), False)
            + differs("none", verdict(targets.judge_instructions("no tool")), None))


def rounds_fit_the_time():
    plan = measure.Plan(rounds=5, least_rounds=2, limit_s=150, scale=1)
    return (differs("fast", plan.rounds_after(1, 10), 5)
            + differs("slow", plan.rounds_after(1, 50), 3)
            + differs("very slow", plan.rounds_after(1, 500), 2))


def tuning_does_not_leak():
    os.environ["MALLOC_CONF"] = "narenas:1"
    os.environ["LD_PRELOAD"] = ""
    got = allocators.Allocator("x", "/lib/x.so", "1", {"MALLOC_ARENA_MAX": "1"}).environment()
    return (differs("MALLOC_CONF", got.get("MALLOC_CONF"), None)
            + differs("MALLOC_ARENA_MAX", got.get("MALLOC_ARENA_MAX"), "1")
            + differs("LD_PRELOAD", got.get("LD_PRELOAD"), "/lib/x.so"))


def a_library_of(code, rest):
    """An ELF file with a segment of data, one of code, and something behind them."""
    header = b"\x7fELF\x02\x01".ljust(32, b"\0") + struct.pack("<Q", 64)
    header = header.ljust(54, b"\0") + struct.pack("<HH", 56, 2)
    first = 64 + 2 * 56
    table = b"".join(struct.pack("<IIQQQQQQ", 1, flags, offset, 0, 0, 4, 4, 1)
                     for flags, offset in ((6, first), (5, first + 4)))
    return header.ljust(64, b"\0") + table + b"data" + code + rest


def a_library_is_known_by_its_code():
    one = allocators.code_of(a_library_of(b"code", b"line 1"))
    again, text = allocators.code_of(a_library_of(b"code", b"line 2")), allocators.code_of(b"text")
    return ([f"code: {one!r}"] * (one != b"code") + [f"other lines: {again!r}"] * (again != one)
            + [f"no ELF file: {text!r}"] * (text != b"text"))


def tables_stand_without_an_allocator():
    made = make({("a", "general"): times(1, None, None, 2)})
    return [] if "a" in report.text(made, []) and report.markdown(made, [], {
        "machine": report.describe_machine(), "allocators": {},
        "settings": {"started": "", "seconds": 1, "rounds": 1, "scale": 1,
                     "others_cpu": 0.5}}) else ["no table"]


def main():
    checks = tap.Report()
    for sentence, check in (
            ("one wild round does not move a figure", one_wild_round),
            ("means are geometric", means_are_geometric),
            ("means are over rows that every allocator got through",
             means_are_over_the_same_rows),
            ("the time of idle threads is in no mean", idle_rows_have_no_time),
            ("a slow round that meets both leaves their ratio alone", a_slow_round),
            ("a limit is met at the limit and missed above it", limits_are_sharp),
            ("the best peer is the one with the best mean",
             the_best_peer_is_the_one_with_the_best_mean),
            ("large rows are judged by the fastest peer of the row",
             large_rows_meet_the_fastest_peer),
            ("a part of the suite is not judged by its mean", a_part_of_the_suite_has_no_mean),
            ("a crash is a missed target", a_crash_is_a_missed_target),
            ("one instruction too many misses the target", one_instruction_too_many),
            ("a quick run has as many rounds as fit the time", rounds_fit_the_time),
            ("variables that tune an allocator do not leak in", tuning_does_not_leak),
            ("a library is known by its code, whatever else is in the file",
             a_library_is_known_by_its_code),
            ("an allocator without figures leaves the tables standing",
             tables_stand_without_an_allocator)):
        checks.sentence(sentence, check())
    checks.end()


if __name__ == "__main__":
    main()

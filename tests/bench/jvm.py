#!/usr/bin/env python3
"""jvm.py -- the JVM whose native memory bench/rss watches: how it is started,
and that each load says what it should and leaves nothing behind."""

import json
import os
import subprocess
import sys
import tempfile
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from rss.jvm import program  # noqa: E402

LOADS = ("gzip", "direct", "unsafe", "jni")
MARKS = ["boot", "start", "peak", "freed", "result", "end"]
FIGURES = {"ops", "ops_per_s", "ops_per_cpu_s", "load_s", "asked_bytes"}
THREADS, OPS = 8, 400
TIMEOUT_S = 120


def differs(what, got, expected):
    return [] if got == expected else [f"{what}: {got!r} instead of {expected!r}"]


def versions_are_read():
    return (differs("17", program.parse_version('A="1"\nJAVA_VERSION="17.0.15"\n'), 17)
            + differs("25", program.parse_version('JAVA_VERSION="25"\n'), 25)
            + differs("no file of a JDK", program.parse_version("VERSION=8\n"), 0)
            + differs("no folder", program.version("/nonexistent"), 0))


def options_fit_the_version():
    access = "--sun-misc-unsafe-memory-access=allow"
    return (differs("17", access in program.options(17), False)
            + differs("25", access in program.options(25), True)
            + [f"JDK {v} has no heap of fixed size" for v in (17, 21, 25)
               if not {"-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch"} <= set(program.options(v))])


def run(build, load):
    """(complaints, marks) of one load in its quick form, with few operations."""
    context = SimpleNamespace(build=build, is_quick=True)
    command = program.command(load, THREADS, OPS * 1000, OPS)(context)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    marks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return differs("status", done.returncode, 0) + done.stderr.splitlines()[:10], marks


def complaints_of(marks):
    """What is wrong with what a load said."""
    yield from differs("marks", [mark["mark"] for mark in marks], MARKS)
    times = [mark["t_ns"] for mark in marks]
    yield from differs("order of times", times, sorted(times))
    yield from [f"{mark['mark']} has no resident bytes" for mark in marks
                if mark["rss_bytes"] < 96 << 20]
    for result in [mark for mark in marks if mark["mark"] == "result"]:
        yield from differs("figures", FIGURES - set(result), set())
        yield from differs("operations", result["ops"], OPS)
        if result["asked_bytes"] < OPS * 1000:
            yield f"{result['asked_bytes']} bytes were asked for"


def each_load(checks, build):
    for load in LOADS:
        complaints, marks = run(build, load)
        checks.sentence(f"the load {load} does its work and frees all of it",
                        complaints + list(complaints_of(marks)))


def main():
    checks = tap.Report()
    checks.sentence("a JDK's version is read from its folder", versions_are_read())
    checks.sentence("a JVM's options fit its version", options_fit_the_version())
    why = program.why_not()
    if why:
        checks.skip("the loads do their work and free all of it", why)
    else:
        with tempfile.TemporaryDirectory(prefix="trimalloc-jvm-") as build:
            each_load(checks, build)
    checks.end()


if __name__ == "__main__":
    main()

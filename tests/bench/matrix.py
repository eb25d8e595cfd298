#!/usr/bin/env python3
"""matrix.py -- how bench/jvm/run drives processes: with a JVM made up, a script
that says a workload's marks and keeps a diary of who runs when."""

import os
import signal
import subprocess
import sys
import tempfile
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from jvm import plan, store, variants, workloads  # noqa: E402
from rss import child  # noqa: E402
from rss.row import Reading  # noqa: E402
from runner.allocators import Allocator  # noqa: E402

TIMEOUT_S = 120
GLIBC = variants.Variant("glibc", Allocator("glibc", None, "2"))
# It says its marks, then does what its settings say; ends with its input.
JVM = '''#!{python}
import json, os, signal, sys, time
diary = "{diary}"
settings = dict(word.split("=", 1) for word in sys.argv if "=" in word[1:] and word[0] != "-")
def note(word):
    with open(diary, "a") as file:
        file.write(word + " " + settings["name"] + chr(10))
def say(mark, **numbers):
    print(json.dumps(dict(mark=mark, t_ns=time.monotonic_ns(), rss_bytes=1 << 20, **numbers)),
          flush=True)
def begun():
    with open(diary) as file:
        return sum(line.startswith("begin") for line in file)
note("begin")
say("boot")
say("start")
number = begun()
if settings["does"] == "kill" and number == 2:
    os.kill(os.getppid(), signal.SIGKILL)
say("result", ops_per_s=5.0)
if settings["does"] == "fail" and number == 1:
    sys.exit("no reason")
say("rest")
if settings["does"] == "wait" and settings["name"] != "c":
    while begun() == number:
        time.sleep(0.01)
say("end")
note("end")
sys.stdin.read()
'''


def differs(what, got, expected):
    return [] if got == expected else [f"{what}: {got!r} instead of {expected!r}"]


def about():
    return {"settings": {"started": "then"}}


class Stage:
    """A folder with the JVM and its diary, and what a matrix needs."""

    def __init__(self, folder, does):
        self.folder, self.does = folder, does
        self.diary = os.path.join(folder, "diary")
        os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
        java = os.path.join(folder, "bin", "java")
        with open(java, "w", encoding="utf-8") as file:
            file.write(JVM.format(python=sys.executable, diary=self.diary))
        os.chmod(java, 0o755)
        self.jdk = SimpleNamespace(name="jdk17", major=17, version="", java=java)

    def steps(self):
        return [store.Step(workloads.Workload(name, name, "load", (f"name={name}",
                                                                   f"does={self.does}"),
                                              timeout_s=TIMEOUT_S), self.jdk, GLIBC, 0)
                for name in "abc"]

    def run(self):
        workloads.QUICK_REST_S = (0,)
        # A mean needs samples, and who is idle too briefly may get none.
        plan.figures = SimpleNamespace(of=lambda marks, readings, series: {
            "ops_per_s": marks[-1]["t_ns"], "readings": sorted(readings)})
        kept = store.Store(os.path.join(self.folder, "out"), about)
        plan.Matrix(self.steps(), kept, "/nonexistent", "quick").run()
        return kept

    def lines(self):
        with open(self.diary, encoding="ascii") as file:
            return file.read().split("\n")[:-1]


def the_next_begins_while_one_rests():
    """The first two do not end before the next has begun."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder, "wait")
        kept = stage.run()
        return (differs("runs", sorted(k for k, run in kept.runs.items() if "figures" in run),
                        [f"{name}/jdk17/glibc/1" for name in "abc"])
                + differs("readings", kept.runs["a/jdk17/glibc/1"]["figures"]["readings"],
                          ["after0", "begun", "loaded"])
                + differs("order", [line for line in stage.lines() if "begin" in line],
                          ["begin a", "begin b", "begin c"])
                + differs("curves", sum(name.endswith(".csv") for name in
                                        os.listdir(os.path.join(folder, "out"))), 3)
                + differs("scratch", [name for name in os.listdir(os.path.join(folder, "out"))
                                      if name.startswith("data-")], []))


def one_that_fails_stops_no_other():
    with tempfile.TemporaryDirectory() as folder:
        kept = Stage(folder, "fail").run()
        return (differs("why", kept.runs["a/jdk17/glibc/1"].get("failure"),
                        "ended with status 1: no reason")
                + differs("others", ["figures" in kept.runs[f"{name}/jdk17/glibc/1"]
                                     for name in "bc"], [True, True]))


def a_killed_matrix_goes_on():
    """The second JVM kills the runner. By then the first has come to its end, or
    was at rest, and is run again; the others run once more in any case."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder, "kill")
        killed = subprocess.run([sys.executable, os.path.abspath(__file__), folder], check=False,
                                stderr=subprocess.DEVNULL)
        there = store.Store(os.path.join(folder, "out"), about).runs
        before = stage.lines()
        kept = stage.run()
        after = [line for line in stage.lines()[len(before):] if "begin" in line]
        wanted = [f"begin {name}" for name in "abc" if f"{name}/jdk17/glibc/1" not in there]
        return (differs("killed by", killed.returncode, -signal.SIGKILL)
                + differs("third before", "begin c" in before, False)
                + differs("runs", sorted(kept.runs), [f"{name}/jdk17/glibc/1" for name in "abc"])
                + differs("left over", [name for name in os.listdir(os.path.join(folder, "out"))
                                        if name.startswith("data-")], [])
                + differs("failures", [r for r in kept.runs.values() if "failure" in r], [])
                + differs("run then", after, wanted))


def others_are_told_from_our_own():
    """Of 8 CPU seconds in 2 seconds on 4 CPUs, 3 were of processes that have been
    waited for and 1 is of one that still runs."""
    real = plan.busy_seconds, plan.time, plan.os
    seconds, ours = iter((100.0, 102.0)), iter((5.0, 6.0))
    busy = iter(((50.0, 10.0), (58.0, 13.0)))
    run = SimpleNamespace(child=SimpleNamespace(cpu_s=lambda: next(ours)))
    try:
        plan.busy_seconds = lambda: next(busy)
        plan.time = SimpleNamespace(monotonic=lambda: next(seconds))
        plan.os = SimpleNamespace(cpu_count=lambda: 4)
        part = plan.Clock([run]).others_part([run])
    finally:
        plan.busy_seconds, plan.time, plan.os = real
    return differs("part", part, 0.5)


def the_family_s_time_is_counted():
    burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    one = child.Child(SimpleNamespace(readings=(Reading("x", "never"),)), GLIBC,
                      ["/bin/sh", "-c", f"({burn}); echo; read line"], TIMEOUT_S)
    with child.Crowd() as crowd:
        crowd.add(one)
        crowd.run_while(lambda: one.cpu_s() == 0)
        seen = one.cpu_s()
        one.stop()
    return ([] if seen > 0 else ["its child's time is missing"]) + differs(
        "of one that has ended", one.cpu_s(), 0.0)


SENTENCES = (
    ("the next workload begins while the one before rests", the_next_begins_while_one_rests),
    ("a workload that fails is recorded, and the others run", one_that_fails_stops_no_other),
    ("a matrix whose runner was killed goes on where it was", a_killed_matrix_goes_on),
    ("what others took is told from what the matrix took", others_are_told_from_our_own),
    ("CPU time has that of children that were waited for", the_family_s_time_is_counted),
)


def main():
    if len(sys.argv) > 1:
        Stage(sys.argv[1], "kill").run()
        return
    answer = tap.Report()
    for sentence, check in SENTENCES:
        answer.sentence(sentence, check())
    answer.end()


if __name__ == "__main__":
    main()

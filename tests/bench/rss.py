#!/usr/bin/env python3
"""rss.py -- what bench/rss/run makes of what it sees.

Its figures can be checked by nobody but itself, so they are checked here: with
marks and readings made up, and with small processes that do what scenarios do.
"""

import json
import math
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from rss import (chart, child, contenders, packages, process, recorder, report,  # noqa: E402
                 results, rounds, row, sample, scenarios, show, target)
from runner.allocators import Allocator  # noqa: E402

MB = 1_000_000
S = 1_000_000_000
GLIBC = Allocator("glibc", None, "2")
NAMES = ["glibc", "jemalloc", "trimalloc"]


def differs(what, got, expected):
    same = (math.isclose(got, expected) if isinstance(got, float)
            and isinstance(expected, (int, float)) else got == expected)
    return [] if same else [f"{what}: {got!r} instead of {expected!r}"]


## Figures

def mark(name, t_ns=0, **numbers):
    return {"mark": name, "t_ns": t_ns, "rss_bytes": 10 * MB, **numbers}


def reading(rss, t_ns=0, peak=1010 * MB, **more):
    return {"t_ns": t_ns, "rss_bytes": rss, "peak_bytes": peak, "cpu_s": 11.0,
            "helper_cpu_s": 1.0, "minor_faults": 5, **more}


def made(marks, readings, series=()):
    """A sample and its common figures."""
    seen = sample.Sample([mark("start"), *marks], readings, list(series))
    return seen, sample.common_figures(seen)


def own_bytes():
    _, figures = made([], {"rest": reading(30 * MB)})
    return (differs("rest", figures["own_rest_bytes"], 20 * MB)
            + differs("whole", figures["rest_bytes"], 30 * MB)
            + differs("peak", figures["own_peak_bytes"], 1000 * MB))


def helper_s_part():
    _, figures = made([], {"rest": reading(0)})
    return differs("part", figures["helper_part"], 0.1)


def area_under_the_curve():
    uneven = [(0, 0), (1 * S, 100), (2 * S, 100), (10 * S, 100), (20 * S, 7)]
    seen, _ = made([], {"rest": reading(0)}, uneven)
    return (differs("flat", seen.mean_bytes(1 * S, 10 * S), 100)
            + differs("with its slope", seen.mean_bytes(0, 2 * S), 75))


def burst_part():
    figures = scenarios.burst_figures(*made([mark("peak", asked_bytes=800 * MB)],
                                            {"rest": reading(60 * MB)}))
    return (differs("part", figures["rest_part"], 0.05)
            + differs("of the process", figures["whole_rest_part"], 60 / 1010)
            + differs("peak", figures["peak_per_asked"], 1.25))


def fragments_per_live():
    figures = scenarios.fragments_figures(*made(
        [mark("peak", asked_bytes=1000 * MB), mark("freed", live_bytes=50 * MB)],
        {"rest": reading(210 * MB)}))
    return differs("times", figures["rest_per_live"], 4)


def later_teeth():
    teeth = [mark("tooth", t_ns=t * S, index=t, ops=ops, work_ns=S, work_cpu_ns=2 * S)
             for t, ops in enumerate((1, 30, 50), 1)]
    series = [(t * S, 60 * MB) for t in range(6)]
    figures = scenarios.sawtooth_figures(*made(
        [mark("load"), *teeth, mark("result", t_ns=5 * S)], {"rest": reading(0)}, series))
    return (differs("operations a second", figures["later_ops_per_s"], 40.0)
            + differs("by CPU time", figures["later_ops_per_cpu_s"], 20.0)
            + differs("mean", figures["own_mean_bytes"], 50 * MB))


def switches_between():
    figures = scenarios.wakeups_figures(*made([], {
        "rest": reading(0, switches=400), "later": reading(0, switches=407)}))
    return differs("switches", figures["switches"], 7)


def every_column_can_be_shown():
    return [f"{scenario.name}: {column.title} has no form {column.form}"
            for scenario in scenarios.SCENARIOS for column in scenario.columns
            if column.form not in show.FORMS]


## Medians, ratios and targets

def view(**by_allocator):
    """Rounds of the figure `x`; None is a round that failed."""
    return results.View(NAMES, {name: [None if x is None else {"x": x} for x in values]
                                for name, values in by_allocator.items()})


def one_wild_round():
    return differs("median", view(glibc=[10, 1000, 11]).value("glibc", "x"), 11)


def rounds_lie_apart():
    seen = view(glibc=[10, 8, 14], jemalloc=[7])
    return (differs("spread", seen.spread("glibc", "x"), 0.3)
            + differs("of one round", seen.spread("jemalloc", "x"), None))


def rounds_stay_side_by_side():
    seen = view(trimalloc=[1, None, 30], glibc=[1, 5, 10])
    return differs("ratio", seen.ratio("trimalloc", "glibc", "x"), 2.0)


def verdict(kind, seen):
    return kind.judge(seen)[0]


def limits_are_sharp():
    kind = target.AtMost("x", 0.03, "", "part")
    rate = target.AtLeastOf("x", 0.97, "")
    return (differs("at it", verdict(kind, view(trimalloc=[0.03])), True)
            + differs("above", verdict(kind, view(trimalloc=[0.031])), False)
            + differs("rate at it", verdict(rate, view(trimalloc=[97], glibc=[100])), True)
            + differs("rate below", verdict(rate, view(trimalloc=[96], glibc=[100])), False))


def one_bad_round_is_too_many():
    never = target.NeverAbove("x", 0, "never", "count")
    return (differs("no round", verdict(never, view(trimalloc=[0, 0])), True)
            + differs("one", verdict(never, view(trimalloc=[0, 1, 0])), False)
            + differs("nothing", verdict(never, view(glibc=[0])), None))


def a_peer_is_judged():
    peer = target.PeerAtLeast("glibc", "x", 1, "does", "count")
    return (differs("it does", verdict(peer, view(glibc=[1])), True)
            + differs("it does not", verdict(peer, view(glibc=[0], trimalloc=[1])), False)
            + differs("it is missing", verdict(peer, view(trimalloc=[1])), None))


def the_best_peer_counts():
    kind = target.AtLeastOf("x", 0.97, "")
    seen = view(trimalloc=[97], glibc=[10], jemalloc=[200])
    return differs("details", kind.judge(seen), (False, "0.48 of jemalloc"))


def cpu_time_stands_beside():
    """A machine that is busy in one of two runs does not make a verdict, but is
    seen beside it."""
    seen = results.View(NAMES, {"trimalloc": [{"x": 50, "y": 100}],
                                "glibc": [{"x": 100, "y": 80}]})
    kind = target.AtLeastOf("x", 0.97, "", cpu_figure="y")
    return differs("details", kind.judge(seen), (False, "0.50 of glibc, by CPU time 1.25"))


def the_named_peer_counts():
    kind = target.AtLeastOf("x", 0.95, "", peer="glibc")
    seen = view(trimalloc=[97], glibc=[100], jemalloc=[200])
    return differs("verdict", verdict(kind, seen), True)


def least_means_less():
    kind = target.LeastOfAll("x", "", "MB")
    return (differs("equal", verdict(kind, view(trimalloc=[5], glibc=[5], jemalloc=[9])), False)
            + differs("less", verdict(kind, view(trimalloc=[4], glibc=[5])), True))


def nothing_to_compare():
    seen = view(trimalloc=[4])
    kinds = (target.LeastOfAll("x", "", "MB"), target.AtLeastOf("x", 1, ""),
             target.AtMostOf("x", "jemalloc", 1, "", "MB"), target.AtMost("y", 1, "", "MB"))
    return [f"{type(kind).__name__} judged it" for kind in kinds
            if verdict(kind, seen) is not None]


## Allocators

def variants():
    found = contenders.with_variants([GLIBC, Allocator("jemalloc", "/lib/j.so", "5")])
    by_name = {allocator.name: allocator.environment() for allocator in found}
    tuned = by_name["jemalloc-tuned"]
    return (differs("order", list(by_name),
                    ["glibc", "glibc-arenas2", "jemalloc", "jemalloc-tuned"])
            + differs("arenas", by_name["glibc-arenas2"].get("MALLOC_ARENA_MAX"), "2")
            + differs("preload", tuned.get("LD_PRELOAD"), "/lib/j.so")
            + differs("tuning", "background_thread:true" in tuned["MALLOC_CONF"], True)
            + differs("untuned", by_name["jemalloc"].get("MALLOC_CONF"), None))


def preloads_are_proven():
    other = Allocator("x", "/lib/x.so", "1")
    proof = lambda own, mapped, malloc: contenders.preload_failure(  # noqa: E731
        own, [GLIBC, other], mapped, malloc) is None
    return (differs("x by malloc", proof(other, [], "/lib/x.so"), True)
            + differs("not x by malloc", proof(other, [], "/lib/libc.so.6"), False)
            + differs("x by its map", proof(other, ["/lib/x.so"], None), True)
            + differs("x without its map", proof(other, [], None), False)
            + differs("glibc with x", proof(GLIBC, ["/lib/x.so"], None), False)
            + differs("glibc alone", proof(GLIBC, ["/lib/libc.so.6"], None), True))


def packages_are_installed_by_those_who_may():
    there = lambda *names: names.__contains__  # noqa: E731
    last = lambda commands: commands[-1][:2] + commands[-1][-1:] if commands else []  # noqa: E731
    get = packages.installers
    return (differs("root", last(get(["p"], True, there("apt-get"))), ["apt-get", "-qq", "p"])
            + differs("sudo", last(get(["p"], False, there("apt-get", "sudo"))),
                      ["sudo", "apt-get", "p"])
            + differs("nobody", get(["p"], False, there("apt-get")), [])
            + differs("no Debian", get(["p"], True, there()), [])
            + differs("nothing missing", get([], True, there("apt-get")), []))


## Processes

PRINT = """
import json, os, sys, time
def mark(name, **more):
    line = dict(mark=name, t_ns=time.monotonic_ns(), rss_bytes=1, **more)
    print(json.dumps(line), flush=True)
"""


def scenario_of(text, readings=(), **more):
    """A row whose program is Python."""
    return row.Scenario("fake", "fake", lambda context: [sys.executable, "-c", PRINT + text],
                        tuple(readings), (), **more)


def run(text, readings=(), timeout_s=60.0):
    scenario = scenario_of(text, readings)
    one = child.Child(scenario, GLIBC, scenario.command(None), timeout_s)
    child.drive([one])
    return one


def readings_are_taken_after_their_marks():
    one = run("mark('start'); mark('freed'); mark('end'); sys.stdin.read()",
              [row.Reading("rest", "freed", 0.2), row.Reading("last", "end")])
    if one.failure:
        return [one.failure]
    waited = one.readings["rest"]["t_ns"] - one.marks[1]["t_ns"]
    return ([] if waited >= 0.2 * S else [f"{waited} ns after the mark"]) + (
        [] if one.readings["rest"]["rss_bytes"] > MB else ["no resident memory"]) + (
        [] if len(one.series) >= 4 else [f"{len(one.series)} samples"])


def the_last_mark_of_a_name_counts():
    one = run("mark('start'); mark('x'); mark('x'); mark('end'); sys.stdin.read()",
              [row.Reading("rest", "x", 0.1)])
    waited = one.readings["rest"]["t_ns"] - one.marks[2]["t_ns"]
    return [] if waited >= 0.1 * S else [f"{waited} ns after the last one"]


def the_process_named_is_looked_at():
    one = run("import subprocess\n"
              "other = subprocess.Popen(['sleep', '60'])\n"
              "time.sleep(0.1); mark('start', pid=other.pid); mark('end')\n"
              "sys.stdin.read(); other.kill()", [row.Reading("rest", "end", 0.2)])
    if one.failure:
        return [one.failure]
    late = [t for t, _ in one.series if t < one.marks[0]["t_ns"] - S // 100]
    return ([f"{one.readings['rest']['rss_bytes']} bytes are not those of sleep"]
            if one.readings["rest"]["rss_bytes"] > 4 * MB else []) + (
        ["the curve begins with another process"] if late else [])


def the_dead_leave_words():
    one = run("mark('start'); sys.exit('no memory')", [row.Reading("rest", "freed", 1)])
    return differs("failure", one.failure, "ended with status 1: no memory")


def the_killed_are_known():
    one = run("mark('start'); os.kill(os.getpid(), 9)")
    return differs("failure", one.failure, "was killed by signal 9")


def the_slow_are_ended():
    one = run("mark('start'); time.sleep(60)", timeout_s=0.3)
    return differs("failure", one.failure, "took longer than 0.3 s")


def the_hasty_fail():
    one = run("mark('start'); mark('freed')", [row.Reading("rest", "freed", 30)])
    return differs("failure", one.failure, "ended before rest could be read")


def nonsense_fails():
    one = run("print('{nonsense', flush=True); sys.stdin.read()")
    return [] if (one.failure or "").startswith("said what is no mark") else [str(one.failure)]


def a_warning_is_no_mark():
    one = run("print('warning: something'); mark('start'); mark('end'); sys.stdin.read()")
    return differs("failure", one.failure, None) + differs("marks", len(one.marks), 2)


def side_by_side():
    """Each ends only when it has seen the other begin."""
    with tempfile.TemporaryDirectory() as folder:
        text = ("own, other = sys.argv[1:]; mark('start'); open(own, 'w').close()\n"
                "while not os.path.exists(other): time.sleep(0.01)\n"
                "mark('end'); sys.stdin.read()")
        scenario = scenario_of(text)
        paths = [os.path.join(folder, name) for name in "ab"]
        both = [child.Child(scenario, GLIBC, scenario.command(None) + files, 60.0)
                for files in (paths, paths[::-1])]
        child.drive(both)
    return [one.failure for one in both if one.failure]


def sleeps_are_counted():
    """The process sleeps 50 times between two lines of its standard output."""
    text = ("import sys, time\nprint(flush=True); input()\n"
            "for _ in range(50): time.sleep(0.001)\n"
            "print(flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as sleeper:
        sleeper.stdout.readline()
        before = process.voluntary_switches(sleeper.pid)
        sleeper.stdin.write(b"\n")
        sleeper.stdin.flush()
        sleeper.stdout.readline()
        counted = process.voluntary_switches(sleeper.pid) - before
        sleeper.stdin.close()
    # Waiting for input and passing a line on may add a few.
    return [] if 50 <= counted <= 60 else [f"{counted} switches in 50 sleeps"]


def helpers_are_known_by_their_name():
    """A thread of the allocator's name burns some CPU time, and so does one
    that has no name of its own."""
    text = ("import threading\n"
            "def burn(name):\n"
            "    if name: open('/proc/thread-self/comm', 'w').write(name)\n"
            "    end = time.thread_time() + 0.2\n"
            "    while time.thread_time() < end: pass\n"
            "    burnt.release(); stay.acquire()\n"
            "burnt = threading.Semaphore(0); stay = threading.Semaphore(0)\n"
            "for name in ('trimalloc', ''):\n"
            "    threading.Thread(target=burn, args=(name,), daemon=True).start()\n"
            "burnt.acquire(); burnt.acquire()\n"
            "mark('start'); mark('end'); sys.stdin.read()")
    one = run(text, [row.Reading("rest", "end")])
    if one.failure:
        return [one.failure]
    seen = one.readings["rest"]
    return ([] if 0.19 <= seen["helper_cpu_s"] <= 0.3 else [f"{seen['helper_cpu_s']} s"]) + (
        [] if seen["cpu_s"] >= 0.38 else [f"all: {seen['cpu_s']} s"])


def nobody_is_gone():
    try:
        process.rss_bytes(2 ** 22 + 1)
    except process.Gone:
        return []
    return ["a process that cannot be has memory"]


## Rounds and what they leave behind

class Silence:
    """Swallows what a run says of its progress."""

    def write(self, text):
        return len(text)

    def flush(self):
        pass


def quietly(function):
    stderr, sys.stderr = sys.stderr, Silence()
    try:
        return function()
    finally:
        sys.stderr = stderr


def run_rounds(folder, scenario, allocators, nrounds=1):
    measured = results.Results([scenario], [a.name for a in allocators])
    about = lambda: {"machine": {}, "settings": {}, "allocators": {}}  # noqa: E731
    keeper = recorder.Recorder(folder, measured, about)
    plan = rounds.Rounds([scenario], allocators, rounds.make_context(".", ".", True),
                         keeper, nrounds)
    try:
        quietly(plan.run)
    finally:
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
            document = json.load(file)
    return measured, document


GOOD = "mark('start', malloc='/lib/libc.so.6'); mark('end', x=1); sys.stdin.read()"


def rounds_are_kept():
    with tempfile.TemporaryDirectory() as folder:
        scenario = scenario_of(GOOD, [row.Reading("rest", "end")])
        measured, document = run_rounds(folder, scenario, [GLIBC], nrounds=2)
        files = sorted(name for name in os.listdir(folder) if name.endswith(".csv"))
        with open(os.path.join(folder, files[0]), encoding="ascii") as file:
            head = file.readline().strip()
    return (differs("rounds", len(measured.rounds["fake"]["glibc"]), 2)
            + differs("on disk", len(document["scenarios"]["fake"]["rounds"]["glibc"]), 2)
            + differs("curves", files, ["fake.glibc.1.csv", "fake.glibc.2.csv"])
            + differs("their head", head, "t_s,rss_bytes"))


def a_wrong_malloc_is_a_failure():
    with tempfile.TemporaryDirectory() as folder:
        scenario = scenario_of(GOOD, [row.Reading("rest", "end")])
        measured, _ = run_rounds(folder, scenario, [Allocator("x", "/lib/x.so", "1")])
    return differs("failures", [why for _, _, why in measured.failures], [
        "malloc came from /lib/libc.so.6: the preload did not take effect"])


def an_interrupt_keeps_what_was_measured():
    def command(_context, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return [sys.executable, "-c", PRINT + GOOD]

    scenario = row.Scenario("fake", "fake", command, (row.Reading("rest", "end"),), ())
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_rounds(folder, scenario, [GLIBC], nrounds=2)
            return ["the interrupt was lost"]
        except KeyboardInterrupt:
            with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
                kept = json.load(file)["scenarios"]["fake"]["rounds"]["glibc"]
    return differs("rounds kept", len(kept), 1)


def impossible_scenarios_are_skipped():
    scenario = scenario_of(GOOD, why_not=lambda context: "no such thing here")
    with tempfile.TemporaryDirectory() as folder:
        measured, document = run_rounds(folder, scenario, [GLIBC])
    return (differs("failures", measured.failures, [])
            + differs("on disk", document["scenarios"]["fake"]["skipped"], "no such thing here"))


def all_meet_in_each_round():
    one, both = scenario_of(""), scenario_of("", is_parallel=True)
    others = [GLIBC, Allocator("a", "/a", "1"), Allocator("b", "/b", "1")]
    plan = rounds.Rounds([one, both], others, None, None, 2)
    steps = [(number, scenario is both, sorted(a.name for a in group))
             for number, scenario, group in plan._steps()]
    singles = [(number, [name]) for number in range(2) for name in ("a", "b", "glibc")]
    return (differs("one by one", sorted((n, g) for n, is_both, g in steps if not is_both), singles)
            + differs("side by side", [(n, g) for n, is_both, g in steps if is_both],
                      [(n, ["a", "b", "glibc"]) for n in range(2)]))


def the_time_left_is_each_scenario_s():
    progress = rounds.Progress(["short", "long", "short", "long", "new"])
    progress.done("short", 1)
    progress.done("long", 9)
    return differs("seconds", progress.seconds_left(), 1 + 9 + 5)


## Tables and charts

def tables_stand_with_gaps():
    scenario = row.Scenario("s", "what", None, (), (row.Column("x", "the x", "MB"),),
                            (target.AtMost("x", 1, "small", "MB"),))
    measured = results.Results([scenario], NAMES)
    measured.add(scenario, "glibc", {"x": 2 * MB})
    measured.fail(scenario, "trimalloc", "was killed by signal 9")
    text = report.text(measured)
    wanted = ("the x", "2.0", "trimalloc: was killed", "not judged")
    return [f"no {word!r} in the table" for word in wanted
            if word not in text.replace("s on ", "")]


def labels_keep_their_distance():
    places = chart.label_places({"a": 100, "b": 1, "c": 101, "d": 0}, 10)
    return differs("places", places, {"d": 0, "b": 10, "a": 100, "c": 110})


def charts_know_both_schemes():
    light, dark = chart.COLOURS["glibc"]
    drawn = f'<svg width="1"><path style="stroke: {light}"/></svg>'
    svg = chart.two_schemes(drawn)
    return (differs("drawing", svg.endswith(drawn[len('<svg width="1">'):]), True)
            + differs("dark", f'[style*="stroke: {light}"]{{stroke:{dark}!important}}' in svg, True))


CHECKS = (
    ("an allocator's bytes are those beyond the start", own_bytes),
    ("the trim thread's CPU time is set against the load's alone", helper_s_part),
    ("the mean of resident memory is the area under its curve", area_under_the_curve),
    ("a burst's rest is a part of its peak", burst_part),
    ("fragments are set against the live bytes", fragments_per_live),
    ("the first tooth is none of the later ones", later_teeth),
    ("wake-ups are counted between two readings", switches_between),
    ("every column of every scenario can be shown", every_column_can_be_shown),
    ("one wild round does not move a figure", one_wild_round),
    ("the spread is half of the way between the outermost rounds", rounds_lie_apart),
    ("a failed round leaves the others side by side", rounds_stay_side_by_side),
    ("a limit is met at the limit and missed above it", limits_are_sharp),
    ("what must never be may not be in any round", one_bad_round_is_too_many),
    ("a peer shows that the load is hard", a_peer_is_judged),
    ("a rate without a peer's name is judged by the best peer", the_best_peer_counts),
    ("a rate by CPU time stands beside the one that is judged", cpu_time_stands_beside),
    ("a rate with a peer's name is judged by that peer", the_named_peer_counts),
    ("the least of all is less than all others", least_means_less),
    ("what was not measured is not judged", nothing_to_compare),
    ("variants come behind their allocator, with their tuning", variants),
    ("a preload is proven by malloc's file or by the mapped files", preloads_are_proven),
    ("packages are installed by those who may", packages_are_installed_by_those_who_may),
    ("readings are taken after their marks", readings_are_taken_after_their_marks),
    ("of several marks of a name the last one counts", the_last_mark_of_a_name_counts),
    ("the process that the first mark names is looked at", the_process_named_is_looked_at),
    ("a scenario that dies leaves its last words", the_dead_leave_words),
    ("a scenario that is killed is known to be", the_killed_are_known),
    ("a scenario that takes too long is ended", the_slow_are_ended),
    ("a scenario that ends before it was read has failed", the_hasty_fail),
    ("a scenario that talks nonsense has failed", nonsense_fails),
    ("a warning among the marks is passed over", a_warning_is_no_mark),
    ("several children run side by side", side_by_side),
    ("each sleep of a thread is counted", sleeps_are_counted),
    ("an allocator's threads are known by their name", helpers_are_known_by_their_name),
    ("a process that has ended is gone", nobody_is_gone),
    ("every round is kept on disk with its curve", rounds_are_kept),
    ("a sample of another malloc is a failure", a_wrong_malloc_is_a_failure),
    ("an interrupted run keeps what was measured", an_interrupt_keeps_what_was_measured),
    ("a scenario that cannot run here is skipped with its reason",
     impossible_scenarios_are_skipped),
    ("in each round all allocators run each scenario", all_meet_in_each_round),
    ("the time left is reckoned by scenario", the_time_left_is_each_scenario_s),
    ("tables stand where an allocator failed", tables_stand_with_gaps),
    ("labels keep their distance", labels_keep_their_distance),
    ("charts know light and dark", charts_know_both_schemes),
)


def main():
    checks = tap.Report()
    for sentence, check in CHECKS:
        checks.sentence(sentence, check())
    checks.end()


if __name__ == "__main__":
    main()

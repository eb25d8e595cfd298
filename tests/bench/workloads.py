#!/usr/bin/env python3
"""workloads.py -- what bench/jvm/run makes of what it sees, and bench/compare of
two results: with marks, runs and files made up."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from jvm import (compare, figures, jdks, limits, plan, report, samples, store,  # noqa: E402
                 variants, workloads)
from runner.allocators import Allocator  # noqa: E402

MB = 1_000_000
S = 1_000_000_000
GLIBC = Allocator("glibc", None, "2")
ARENAS = Allocator("glibc-arenas2", None, "2", {"MALLOC_ARENA_MAX": "2"})
OWN = Allocator("trimalloc", "/nonexistent/libtrimalloc.so", "sha256 0")
JDK = jdks.Jdk("/opt/jdk", 17, "Maker 17.0.1")
NEWER = jdks.Jdk("/opt/newer", 25, "Maker 25")
WORKLOAD = workloads.Workload("one", "One", "one", ("ops=10", "threads=2"), ("ops=1",), 5)


def differs(what, got, expected):
    same = (math.isclose(got, expected, abs_tol=1e-9)
            if isinstance(got, float) and isinstance(expected, (int, float))
            else got == expected)
    return [] if same else [f"{what}: {got!r} instead of {expected!r}"]


def mark(name, t_s=0, rss=100 * MB, **numbers):
    return {"mark": name, "t_ns": t_s * S, "rss_bytes": rss, **numbers}


def reading(rss, t_s, cpu=10.0, faults=0):
    return {"t_ns": t_s * S, "rss_bytes": rss, "peak_bytes": 500 * MB, "cpu_s": cpu,
            "helper_cpu_s": 0.5, "minor_faults": faults}


## Figures

def a_run():
    marks = [mark("boot"), mark("start", 10), mark("wave", 12), mark("result", 20, ops_per_s=7.5),
             mark("rest", 21), mark("end", 21)]
    readings = {"begun": reading(100 * MB, 10, 2.0, 100), "loaded": reading(300 * MB, 20, 9.0, 400),
                "after1": reading(200 * MB, 22, 9.5, 450), "after5": reading(110 * MB, 26, 10.0, 500)}
    series = [(0, 900 * MB), (10 * S, 100 * MB), (20 * S, 300 * MB), (26 * S, 0)]
    return marks, readings, series


def the_load_is_measured():
    got = figures.of(*a_run())
    wanted = {"base_bytes": 100 * MB, "mean_bytes": 200 * MB, "peak_bytes": 500 * MB,
              "after1_bytes": 200 * MB, "after5_bytes": 110 * MB, "cpu_s": 8.0, "load_cpu_s": 7.0,
              "minor_faults": 300, "ops_per_s": 7.5}
    return [line for name, value in wanted.items() for line in differs(name, got[name], value)]


def memory(t_s, touched, live):
    return mark("memory", t_s, touched_bytes=touched * MB, live_bytes=live * MB,
                file_bytes=5 * MB, committed_bytes=300 * MB)


def the_ideal_is_added_up():
    marks = [memory(1, 900, 0), mark("start", 10), memory(10, 100, 5), memory(20, 100, 205),
             mark("result", 20), mark("rest", 21), memory(22, 100, 15)]
    got = figures.ideal(marks)
    wanted = {"ideal_mean_bytes": 210 * MB, "ideal_peak_bytes": 310 * MB,
              "ideal_rest_bytes": 120 * MB, "live_peak_bytes": 205 * MB}
    return [line for name, value in wanted.items() for line in differs(name, got[name], value)]


def bill(t_s, rss, resident, dirty):
    return mark("bill", t_s, rss * MB, resident_bytes=resident * MB, dirty_bytes=dirty * MB,
                allocated_bytes=50 * MB, cached_bytes=4 * MB, shelved_bytes=2 * MB,
                slab_free_bytes=6 * MB, metadata_bytes=1 * MB, untouched_bytes=5 * MB)


def the_bill_is_a_mean_of_the_load():
    marks = [bill(1, 900, 800, 700), mark("start", 10), bill(10, 200, 80, 30), bill(20, 220, 90, 10),
             mark("result", 20), mark("rest", 21), bill(22, 180, 61, 0)]
    got = figures.bill(marks)
    wanted = {"bill_rss_bytes": 210 * MB, "bill_dirty_bytes": 20 * MB, "bill_jvm_bytes": 124 * MB,
              "bill_slab_free_bytes": 6 * MB, "bill_allocated_bytes": 50 * MB,
              "bill_rest_jvm_bytes": 118 * MB, "bill_rest_dirty_bytes": 0}
    return [line for name, value in wanted.items() for line in differs(name, got[name], value)]


def waste_is_what_is_above():
    got = figures.waste({"mean_bytes": 250, "after5_bytes": 130},
                        {"ideal_mean_bytes": 210, "ideal_rest_bytes": 140})
    return differs("waste", got, {"mean_waste_bytes": 40, "rest_waste_bytes": -10})


## JDKs and variants

def jdks_are_chosen():
    made = [jdks.Jdk(f"/opt/{n}", n, "") for n in (21, 25, 17)]
    return (differs("of three", [jdk.major for jdk in jdks.choose(made)], [17, 25])
            + differs("of one", [jdk.major for jdk in jdks.choose(made[:1])], [21])
            + differs("of none", jdks.choose([]), []))


def releases_are_read():
    text = 'IMPLEMENTOR="Maker"\nJAVA_RUNTIME_VERSION="17.0.1+2"\nJAVA_VERSION="17.0.1"\n'
    return (differs("in full", jdks.describe(text), "Maker 17.0.1+2")
            + differs("in short", jdks.describe('JAVA_VERSION="17"\n'), "17"))


def heaps_are_pinned():
    return [f"{major}: no {option}" for major in (17, 21, 25)
            for option in ("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch", "-XX:+UseG1GC")
            if option not in jdks.options(major, 64)]


def glibc_is_trimmed_by_the_jvm():
    made = variants.with_trim([GLIBC, ARENAS, OWN])
    return (differs("names", [v.name for v in made],
                    ["glibc", "glibc-arenas2", "glibc-trim", "trimalloc"])
            + differs("its option", made[2].jvm_options, (variants.TRIM,))
            + differs("its arenas", made[2].variables, {}))


def the_environment_is_clean():
    dirty = {"JAVA_TOOL_OPTIONS": "-Xint", "MALLOC_ARENA_MAX": "7"}
    os.environ.update(dirty)
    try:
        plain = variants.Variant("glibc", GLIBC).environment()
        own = variants.Variant("trimalloc", OWN).environment()
        counted = variants.ledger(GLIBC).environment()
    finally:
        for name in dirty:
            del os.environ[name]
    return ([f"{name} is handed on" for name in dirty if name in plain]
            + differs("preload", own.get("LD_PRELOAD"), OWN.path)
            + differs("tunables", counted.get("GLIBC_TUNABLES"), variants.LEDGER_TUNABLES))


## The plan

def plan_of(rounds):
    made = variants.with_trim([GLIBC, ARENAS, OWN])
    asides = [variants.ledger(GLIBC), variants.bill(OWN), variants.cost(made[-1])]
    return list(plan.steps([WORKLOAD], [JDK, NEWER], made, asides, rounds))


def all_meet_in_each_round():
    steps = plan_of(3)
    seen = [(s.jdk.name, s.number, s.variant.name) for s in steps]
    blocks = [[name for jdk, number, name in seen if (jdk, number) == block
               and not variants.is_aside(name)]
              for block in sorted({(jdk, number) for jdk, number, _ in seen})]
    together = [key for key, *_ in zip(seen, seen[1:]) if seen.count(key) > 1]
    return ([f"a round has {block}" for block in blocks if len(set(block)) != 4 or len(block) != 4]
            + differs("orders", len({tuple(block) for block in blocks}) > 1, True)
            + differs("twice", together, []))


def rows_without_their_option_are_left_out():
    made = variants.with_trim([GLIBC, ARENAS, OWN])
    steps = plan.steps([WORKLOAD], [JDK, NEWER], made, [], 1,
                       lambda jdk, variant: jdk is NEWER or not variant.jvm_options)
    return differs("where glibc is trimmed", [s.jdk.name for s in steps
                                              if s.variant.name == "glibc-trim"], ["jdk25"])


def those_aside_run_once():
    counted = [s.key for s in plan_of(3) if s.variant.is_aside]
    return differs("runs", counted, [f"one/{jdk}/{name}/1" for jdk in ("jdk17", "jdk25")
                                     for name in ("ideal", "bill", "cost-trimalloc")])


def a_bill_is_of_who_takes_part():
    others, all_of_them = (variants.with_trim(found) for found in ([GLIBC], [GLIBC, OWN]))
    return [line for chosen, wanted in ((others, [True, False]), (all_of_them, [True, True]))
            for line in differs("explain", [one.explains(chosen) for one in
                                            (variants.ledger(GLIBC), variants.bill(OWN))], wanted)]


def costs_are_of_who_takes_part():
    glibc, trimmed, own = (variants.cost(one) for one in variants.with_trim([GLIBC, ARENAS, OWN])
                           if one.name != "glibc-arenas2")
    chosen = variants.with_trim([GLIBC, ARENAS])
    return (differs("explain", [one.explains(chosen) for one in (glibc, trimmed, own)],
                    [True, True, False])
            + differs("options", trimmed.jvm_options, (variants.TRIM,))
            + differs("perf's malloc", "LD_PRELOAD" in own.environment(), False)
            + differs("the JVM's", own.preload, {"LD_PRELOAD": OWN.path}))


def the_plan_repeats_itself():
    return differs("plan", [s.key for s in plan_of(2)], [s.key for s in plan_of(2)])


def quick_settings_replace():
    return (differs("long", WORKLOAD.all_settings("long"), ["ops=10", "threads=2"])
            + differs("quick", WORKLOAD.all_settings("quick"), ["ops=1", "threads=2"])
            + differs("medium", WORKLOAD.all_settings("medium"),
                      ["ops=5", "threads=2", f"waves={workloads.MEDIUM_WAVES}"]))


def short_forms_do_less():
    def ops(workload, form):
        return int(next(s for s in workload.all_settings(form) if s.startswith("ops="))[4:])
    return [f"{w.name}: {[ops(w, form) for form in workloads.FORMS]}" for w in workloads.WORKLOADS
            if not 0 < ops(w, "quick") <= ops(w, "medium") <= ops(w, "long")]


def names_are_unique():
    names = [w.name for w in workloads.WORKLOADS]
    telling = [w.name for w in workloads.WORKLOADS if w.is_telling]
    return (differs("names", len(set(names)), len(names)) + differs("telling", len(telling), 3)
            + [f"{name} cannot be a part of a file's name" for name in names
               if not name.replace("_", "").isalnum()])


def read(*path):
    with open(os.path.join(TREE, "bench", "jvm", *path), encoding="utf-8") as file:
        return file.read()


def workloads_are_told():
    readme, catalog = read("README.md"), read("src", "Catalog.java")
    return ([f"{w.name} is not in the README" for w in workloads.WORKLOADS
             if f"| `{w.name}` | {w.title} |" not in readme]
            + [f"{w.name} is not in the catalog" for w in workloads.WORKLOADS
               if f'case "{w.load}" ->' not in catalog])


def sources_are_handed_on():
    listed = read("Makefile.inc")
    return [f"{name} is not" for folder in ("", "src", "native")
            for name in os.listdir(os.path.join(TREE, "bench", "jvm", folder))
            if name.endswith((".py", ".java", ".c", ".xml", ".md"))
            and f"bench/jvm/{os.path.join(folder, name)}" not in listed]


## Samples

SAMPLES = """\
 10.000000001:
\t            1234 malloc (/opt/libown.so)
\t            5678 os::malloc (/opt/libjvm.so)

 10.001000000:
\tffffffff81000001 clear_page_erms ([kernel.kallsyms])
\tffffffff81000002 handle_mm_fault ([kernel.kallsyms])
\tffffffff81000003 asm_exc_page_fault ([kernel.kallsyms])
\t            5678 memset (/lib/libc.so.6)

 10.002000000:
\tffffffff81000004 zap_pte_range ([kernel.kallsyms])
\tffffffff81000005 __x64_sys_madvise ([kernel.kallsyms])
\tffffffff81000006 do_syscall_64 ([kernel.kallsyms])
\t             abc madvise (/lib/libc.so.6)

 10.003000000:
\tffffffff81000002 handle_mm_fault ([kernel.kallsyms])
\tffffffff81000003 exc_page_fault ([kernel.kallsyms])
\tffffffff81000007 copy_from_user ([kernel.kallsyms])
\tffffffff81000008 __x64_sys_process_madvise ([kernel.kallsyms])

 10.004000000:
\tffffffff81000009 vfs_read ([kernel.kallsyms])
\tffffffff8100000a __x64_sys_read ([kernel.kallsyms])

 10.005000000:
\t            9999 _int_malloc (/lib/libc.so.6)

 10.006000000:
\t            9998 std::vector<int>::at (unsigned long) (/opt/lib with space.so)
"""


def samples_are_told_apart():
    lines = SAMPLES.splitlines(keepends=True)
    own, glibc = (samples.count(iter(lines), library) for library in ("/opt/libown.so", None))
    expected = {"library": 1, "faults": 1, "calls": 2, "all": 7}
    return [line for got in (own, glibc) for part, n in expected.items()
            for line in differs(part, got[part], n / samples.HERTZ)] + [
        line for name, wanted in (("_int_free", True), ("__libc_malloc", True), ("cfree", True),
                                  ("memset", False), ("__free_hook_user", False),
                                  ("malloc_info", False), ("tcache_init", True))
        for line in differs(name, samples.is_of(None, name, "/lib/libc.so.6"), wanted)] + differs(
            "malloc of another file", samples.is_of(None, "malloc", "/opt/libother.so"), False)


def a_program_is_sampled():
    """Of a loop of 0.3 s next to nothing is malloc's, of filling fresh pages much."""
    why = samples.why_not(OWN.path)
    if why:
        return why
    def sampled(work):
        program = ("import os, time; end = time.process_time() + 0.3; print(os.getpid())\n"
                   f"while time.process_time() < end: {work}\n")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "samples")
            start_ns = time.monotonic_ns()
            done = subprocess.run(
                samples.recorded([sys.executable, "-c", program], {"LC_ALL": "C"}, path),
                check=True, text=True, stdout=subprocess.PIPE)
            return samples.figures(path, [
                {"mark": "boot", "pid": int(done.stdout)}, {"mark": "start", "t_ns": start_ns},
                {"mark": "result", "t_ns": time.monotonic_ns()}], None)

    loop, pages = sampled("pass"), sampled("__import__('mmap').mmap(-1, 16 << 20)[:]")
    kernel = {name: one["cost_faults_s"] + one["cost_calls_s"]
              for name, one in (("loop", loop), ("pages", pages))}
    return (([] if 0.2 < loop["cost_all_s"] < 2 else [f"of 0.3 s: {loop}"])
            + ([] if kernel["loop"] < 0.1 < kernel["pages"] else [f"kernel: {kernel}"])
            + ([] if loop["cost_library_s"] < 0.1 else [f"a loop: {loop}"]))


## The store

def about(started="2020-01-01 00:00 UTC"):
    return lambda: {"machine": {}, "settings": {"started": started, "rounds": 1, "form": "quick"},
                    "jdks": {}, "allocators": {"glibc": {}, "trimalloc": {}}, "workloads": {}}


def an_interrupted_matrix_goes_on():
    step = plan_of(1)[1]
    of = store.fingerprint(step, "quick")
    with tempfile.TemporaryDirectory() as folder:
        first = store.Store(folder, about())
        first.add(step.key, of, {"ops_per_s": 1.0})
        first.fail("one/jdk17/other/1", of, "ended with status 1")
        then = store.Store(folder, about())
        return (differs("done", then.has(step.key, of), True)
                + differs("failed", then.has("one/jdk17/other/1", of), False)
                + differs("changed", then.has(step.key, "another"), False)
                + differs("never run", then.has("one/jdk17/none/1", of), False))


def what_changes_a_run_is_noticed():
    steps = plan_of(1)
    other = [store.Step(WORKLOAD, JDK, steps[1].variant, 0),
             store.Step(WORKLOAD, NEWER, steps[1].variant, 0),
             store.Step(WORKLOAD, JDK, variants.Variant("glibc", GLIBC, (variants.TRIM,)), 0),
             store.Step(WORKLOAD, JDK, variants.Variant("glibc", ARENAS), 0)]
    same = store.Step(WORKLOAD, JDK, variants.Variant("glibc", GLIBC), 0)
    later = store.Step(WORKLOAD, JDK, variants.Variant("glibc", GLIBC), 4)
    of = store.fingerprint(same, "quick")
    prints = {store.fingerprint(step, "quick") for step in other[1:]} | {store.fingerprint(same, "long")}
    return (differs("of another round", store.fingerprint(later, "quick"), of)
            + differs("of others", of in prints, False) + differs("each", len(prints), 4))


def old_results_are_kept():
    with tempfile.TemporaryDirectory() as folder:
        first = store.Store(folder, about())
        first.add("a/jdk17/glibc/1", "then", {"x": 1})
        then = store.Store(folder, about("later"))
        then.keep_old([("a/jdk17/glibc/1", "then")])
        untouched = sorted(os.listdir(folder))
        then.keep_old([("a/jdk17/glibc/1", "now")])
        return (differs("nothing changes", untouched, ["results.json"])
                + differs("names", sorted(os.listdir(folder)),
                          ["results-202001010000UTC.json", "results.json"]))


def curves_begin_at_the_start():
    marks, _, series = a_run()
    with tempfile.TemporaryDirectory() as folder:
        store.Store(folder, about()).keep_curve("a/jdk17/glibc/1", marks, series[:2])
        with open(os.path.join(folder, "a.jdk17.glibc.1.csv"), encoding="ascii") as file:
            return differs("lines", file.read().splitlines(),
                           ["t_s,rss_bytes", "-10.000,900000000", "0.000,100000000"])


## Limits

def found_by(need, low, high, most=4096):
    tried = []

    def survives(limit):
        tried.append(limit)
        return limit >= need
    return limits.bisect(survives, low, high, 8, most), tried


def the_least_limit_is_found():
    bad = []
    for need in (97, 200, 256, 1000, 3001):
        for high in (96, 248, 1024, 4000):
            found, tried = found_by(need, 64, max(96, high))
            if found is None or not need <= found < need + 8:
                bad.append(f"{need} from {high}: {found} by {tried}")
            elif len(tried) != len(set(tried)):
                bad.append(f"{need} from {high}: twice the same of {tried}")
    return bad


def a_limit_beyond_all_is_none():
    found, tried = found_by(10_000, 64, 512)
    return differs("limit", found, None) + differs("the last tried", tried[-1], 4096)


def the_guess_is_near_the_peak():
    return (differs("by the peak", limits.guess_mb(500 * MB, 128), 448)
            + differs("by the heap", limits.guess_mb(None, 128), 384))


## Comparisons

def chances_are_right():
    # From tables of the test: all of 3 above 3, all of 4 above 4, all of 5 above 5.
    return (differs("3 and 3", compare.p_value([1, 2, 3], [4, 5, 6]), 0.1)
            + differs("4 and 4", compare.p_value([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70)
            + differs("5 and 5", compare.p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
            + differs("interleaved", compare.p_value([1, 4], [2, 3]), 1.0)
            + differs("all equal", compare.p_value([1, 1, 1], [1, 1]), 1.0))


def chances_are_the_same_by_both_ways():
    a, b = [1, 3, 5, 7, 9, 11], [2, 4, 8, 12, 13, 14]
    everyone = compare.ranks(a + b)
    observed = sum(everyone[:6])
    exact = compare.exact_p(everyone, 6, observed)
    normal = compare.normal_p(everyone, 6, observed)
    own = compare.own_p(a, b)
    return (differs("own", own, exact)
            + ([] if abs(exact - normal) < 0.02 else [f"exact {exact:.3f}, normal {normal:.3f}"])
            + differs("ties", compare.ranks([5, 5, 1, 9]), [2.5, 2.5, 1, 4])
            + differs("order of sides", compare.own_p(b, a), own))


def results_of(values, figure="ops_per_s"):
    return {"runs": {f"one/jdk17/trimalloc/{n + 1}": {"of": "", "figures": {figure: value}}
                     for n, value in enumerate(values)}}


def verdict_of(old, new, figure):
    return compare.lines(results_of(old, figure), results_of(new, figure))[0].verdict()


def better_and_worse_are_told():
    few, many = [1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.2, 2.3]
    return (differs("more ops", verdict_of(few, many, "ops_per_s"), "better")
            + differs("more memory", verdict_of(few, many, "mean_bytes"), "WORSE")
            + differs("less memory", verdict_of(many, few, "mean_bytes"), "better")
            + differs("the same", verdict_of(few, few, "mean_bytes"), "may be chance")
            + differs("two rounds", verdict_of(few[:2], many[:2], "p99_us"), "too few rounds")
            + differs("three and five", verdict_of(few[:3], many + [2.4], "p99_us"), "WORSE"))


def too_few_rounds_are_said():
    def said(n):
        found = compare.lines(results_of(range(1, n + 1)), results_of(range(11, n + 11)))
        return "1 of the figures have too few rounds" in compare.text(found, True)
    return differs("3", said(3), True) + differs("4", said(4), False)


def compared(old, new, *options):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, document in (("a.json", old), ("b.json", new)):
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "w", encoding="utf-8") as file:
                json.dump(document, file)
        return subprocess.run([sys.executable, os.path.join(TREE, "bench", "compare"),
                               *paths, *options], check=False, text=True, capture_output=True)


def two_files_are_compared():
    old = {**results_of([1.0, 1.1, 1.2, 1.3]), "machine": {"kernel": "5"}}
    new = {**results_of([0.5, 0.6, 0.7, 0.8]), "machine": {"kernel": "6"}}
    worse = compared(old, new, "--fail-over")
    same = compared(old, old, "--fail-over")
    return (differs("status", worse.returncode, 1) + differs("of the same", same.returncode, 0)
            + ([] if "WORSE" in worse.stdout and "kernel: 5 | 6" in worse.stdout
               else [worse.stdout + worse.stderr])
            + differs("nothing in common", compared(old, {"runs": {}}).returncode, 1))


## The report

def the_report_has_waste_and_limit():
    document = {**about()(), "limits": {"one/jdk17/glibc/1": {"limit_bytes": 264 * MB}}, "runs": {
        "one/jdk17/ideal/1": {"of": "", "figures": {"ideal_mean_bytes": 150 * MB}},
        "one/jdk17/glibc/1": {"of": "", "figures": {"mean_bytes": 190 * MB, "ops_per_s": 10.0}},
        "one/jdk17/glibc/2": {"of": "", "figures": {"mean_bytes": 210 * MB, "ops_per_s": 12.0}},
        "one/jdk17/trimalloc/1": {"of": "", "failure": "was killed by signal 9"}}}
    made = report.tables(document, {"one": "One"})[0]
    wanted = [["glibc", "11 ±9%", "200 ±5%", "50.0", "264"], ["ideal", "-", "150", "-", "-"]]
    return (differs("rows", made.rows, wanted)
            + differs("failures", report.failure_lines(document),
                      ["one/jdk17/trimalloc/1: was killed by signal 9"]))


def commands_are_whole():
    variant = SimpleNamespace(jvm_options=("-XX:X",), settings=("ledger=1",))
    got = workloads.command(WORKLOAD, JDK, variant, "quick", "/built", "/tmp/there")
    tail = ["Bench", "one", "ops=1", "threads=2", "ledger=1", "folder=/tmp/there/data"]
    return (differs("program", got[0], "/opt/jdk/bin/java") + differs("tail", got[-6:], tail)
            + differs("option", "-XX:X" in got, True)
            + differs("where it writes", "-Djava.io.tmpdir=/tmp/there" in got, True))


SENTENCES = (
    ("figures are of the load, from its start to its end", the_load_is_measured),
    ("the ideal is what is touched, live and mapped", the_ideal_is_added_up),
    ("the bill is a mean over the load", the_bill_is_a_mean_of_the_load),
    ("waste is what lies above the ideal", waste_is_what_is_above),
    ("the oldest and the newest JDK are chosen", jdks_are_chosen),
    ("a JDK's version has its maker", releases_are_read),
    ("heap and collector are pinned on every JDK", heaps_are_pinned),
    ("glibc runs once more with the JVM trimming it", glibc_is_trimmed_by_the_jvm),
    ("a JVM sees no variable but those of its row", the_environment_is_clean),
    ("all allocators run one after the other in each round", all_meet_in_each_round),
    ("an allocator's row is left out on a JDK without its option",
     rows_without_their_option_are_left_out),
    ("the ideal and the bill are measured once for each JDK", those_aside_run_once),
    ("the bill of who does not take part is not asked for", a_bill_is_of_who_takes_part),
    ("nor is the cost, and perf is not sampled with its own malloc replaced",
     costs_are_of_who_takes_part),
    ("samples are told apart by file, function and call", samples_are_told_apart),
    ("a program's page faults are seen by perf", a_program_is_sampled),
    ("a plan made again is the same", the_plan_repeats_itself),
    ("quick settings replace those of the long run", quick_settings_replace),
    ("a quick run does no more than a medium one, and that no more than a long one",
     short_forms_do_less),
    ("each workload has a name of its own, and three are telling", names_are_unique),
    ("each workload is in the README and in the catalog", workloads_are_told),
    ("all sources are handed on with a release", sources_are_handed_on),
    ("an interrupted matrix goes on where it was", an_interrupted_matrix_goes_on),
    ("a run is done again when what it depends on has changed", what_changes_a_run_is_noticed),
    ("results that will be replaced are kept", old_results_are_kept),
    ("a curve begins at the mark start", curves_begin_at_the_start),
    ("the smallest limit is found to within a step", the_least_limit_is_found),
    ("what survives no limit has none", a_limit_beyond_all_is_none),
    ("bisection begins near the peak", the_guess_is_near_the_peak),
    ("chances agree with the tables of the test", chances_are_right),
    ("counting all orders and the normal distribution agree", chances_are_the_same_by_both_ways),
    ("more is better of throughput, and worse of memory", better_and_worse_are_told),
    ("a comparison of too few rounds says so", too_few_rounds_are_said),
    ("two files are compared, and what they were measured on", two_files_are_compared),
    ("the report has waste, spread, limits and failures", the_report_has_waste_and_limit),
    ("a command has all that its row says", commands_are_whole),
)


def main():
    answer = tap.Report()
    for sentence, check in SENTENCES:
        found = check()
        if isinstance(found, str):
            answer.skip(sentence, found)
        else:
            answer.sentence(sentence, found)
    answer.end()


if __name__ == "__main__":
    main()

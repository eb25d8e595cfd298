#!/usr/bin/env python3
"""results.py -- what bench/jvm/results writes of figures that are made up: the
verdicts, RESULTS.md, the page, the pictures."""

import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from jvm import (chart, overall, page, publish, reasons, report, store, summary,  # noqa: E402
                 verdicts)
from rss import packages  # noqa: E402

MB = 1_000_000
NAMES = ("glibc", "glibc-trim", "jemalloc", "trimalloc")


def differs(what, got, expected):
    return [] if got == expected else [f"{what}: {got!r} instead of {expected!r}"]


def missing(text, *wanted):
    return [f"no {word!r} in {text[:400]!r}" for word in wanted if word not in text]


def figures(speed, mean, idle, others=0.01):
    return {"ops_per_s": speed, "mean_bytes": mean * MB, "after30_bytes": idle * MB,
            "peak_bytes": mean * MB, "others_part": others}


def document(others=0.01):
    """In "one", trimalloc wins all but the mean; in "two" it loses throughput, by
    0.96, and all but the limit; in "three" it failed."""
    rounds = {
        "one": {"glibc": (100, 200, 200), "glibc-trim": (90, 190, 150),
                "jemalloc": (110, 170, 160), "trimalloc": (120, 171, 120)},
        "two": {"glibc": (100, 200, 200), "glibc-trim": (90, 190, 150),
                "jemalloc": (110, 170, 160), "trimalloc": (105.6, 180, 161)}}
    runs = {f"{workload}/jdk17/{name}/{n + 1}":
            {"of": "", "figures": figures(speed * (1 + n / 100), mean, idle, others)}
            for workload, by_name in rounds.items()
            for name, (speed, mean, idle) in by_name.items() for n in range(2)}
    runs["one/jdk17/ideal/1"] = {"of": "", "figures": {"ideal_mean_bytes": 150 * MB}}
    runs["three/jdk17/glibc/1"] = {"of": "", "figures": figures(5, 100, 100, others)}
    runs["three/jdk17/trimalloc/1"] = {"of": "", "failure": "was killed by signal 11"}
    limits = {"two/jdk17/glibc/1": {"of": "", "limit_bytes": 240 * MB, "tried": {"240": True}},
              "two/jdk17/trimalloc/1": {"of": "", "limit_bytes": 200 * MB, "tried": {"200": True}},
              "one/jdk17/glibc/1": {"of": "", "limit_bytes": 240 * MB, "tried": {"240": True}}}
    return {
        "machine": {"cpu": "A CPU", "cpus": 2, "memory_mib": 4096, "system": "A System",
                    "kernel": "Linux 6", "transparent_hugepages": "always [madvise] never"},
        "settings": {"started": "2020-01-01 00:00 UTC", "rounds": 2, "form": "medium"},
        "jdks": {"jdk17": {"version": "Maker 17.0.1", "options": ["-XX:+UseG1GC"]}},
        "allocators": {name: {"version": f"v-{name}", "path": None, "variables":
                              {"TUNED": "1"} if name == "jemalloc" else {},
                              "jvm_options": ["-XX:Trim"] if "trim" in name[5:] else []}
                       for name in NAMES},
        "workloads": {name: {"title": f"What {name} does", "load": name, "heap_mb": 64,
                             "settings": ["ops=1"], "story": "<a story>" if name == "one" else ""}
                      for name in ("one", "two", "three")},
        "runs": runs, "limits": limits}


def findings(others=0.01, known=None, pictures=()):
    return summary.Findings(document(others), known or {}, pictures, "pictures")


## Verdicts

def verdict(workload, question):
    for one in findings().verdicts:
        if (one.workload, one.question.name) == (workload, question):
            return one
    return None


def losses_are_computed():
    lost = [(v.workload, v.question.name) for v in findings().lost()]
    return differs("losses", lost, [
        ("one", "mean RSS"), ("two", "throughput"), ("two", "mean RSS"), ("two", "RSS after idle"),
        ("three", "throughput"), ("three", "mean RSS"), ("three", "RSS after idle")])


def the_best_peer_is_named():
    return (differs("fastest", verdict("one", "throughput").peer, "jemalloc")
            + differs("least after idle", verdict("one", "RSS after idle").peer, "glibc-trim")
            + differs("ratio", round(verdict("two", "throughput").ratio, 3), 0.96)
            + differs("ideal is no peer", verdict("one", "mean RSS").peer, "jemalloc"))


def three_percent_are_no_loss():
    made = document()
    for n in (1, 2):
        made["runs"][f"two/jdk17/trimalloc/{n}"]["figures"]["ops_per_s"] = 108.0
    got = [(v.workload, v.question.name) for v in verdicts.of(report.grouped(made)) if v.loses]
    won = [(v.workload, v.question.name) for v in verdicts.of(report.grouped(made)) if v.wins]
    return (differs("0.98 loses", ("two", "throughput") in got, False)
            + differs("0.98 wins", ("two", "throughput") in won, False))


def wins_are_ordered():
    got = [(v.workload, v.question.name) for v in findings().won()]
    return differs("wins", got, [("one", "RSS after idle"), ("two", "smallest limit"),
                                 ("one", "throughput")])


def rounds_tell_of_doubt():
    return (differs("meet", verdicts.overlap([1, 3], [2, 4]), True)
            + differs("apart", verdicts.overlap([1, 2], [3, 4]), False)
            + differs("one round", verdicts.overlap([1], [3, 4]), None)
            + missing(verdict("two", "mean RSS").sentence(), "180 MB, jemalloc has 170 MB: 1.06"))


def a_limit_not_looked_for_is_not_lost():
    return differs("one's limit", verdict("one", "smallest limit"), None)


## Reasons

REASONS = """# Head
- nothing: of this
## one
- mean RSS: the caches,
  by `a command`
- RSS after idle: none here

## `two`
- throughput: the lock
"""


def reasons_are_read():
    return differs("reasons", reasons.parse(REASONS), {
        ("one", "mean RSS"): "the caches, by `a command`", ("one", "RSS after idle"): "none here",
        ("two", "throughput"): "the lock"})


def reasons_are_merged():
    made = findings(known=reasons.parse(REASONS))
    lines = summary.lost_lines(made)
    return (missing(lines[0], "one on jdk17: mean RSS", "the caches, by `a command`")
            + missing(lines[2], "two on jdk17: mean RSS", "not explained yet")
            + differs("not lost any more", reasons.idle(made.reasons, made.verdicts),
                      [("one", "RSS after idle")]))


def the_bill_tells_what_the_mean_was():
    made = document()
    parts = {"rss": 180, "jvm": 100, "allocated": 60, "cached": 2, "shelved": 4, "slab_free": 1,
             "dirty": 10, "metadata": 3, "untouched": 0}
    for name in ("one", "two"):
        made["runs"][f"{name}/jdk17/bill/1"] = {"of": "", "figures": {
            f"bill_{part}_bytes": size * MB for part, size in parts.items()}}
    found = summary.Findings(made, reasons.parse("## two\n- mean RSS: the caches\n"), (), "pictures")
    one, told = (next(line for line in summary.lost_lines(found)
                      if line.startswith(f"- {name} on jdk17: mean")) for name in ("one", "two"))
    rows = summary.bills(found).rows
    return (missing(told, "Of 180 MB: 100 MB the JVM's own, 60.0 MB with the program; 10.0 MB free "
                    "pages, 4.0 MB on shelves, 3.0 MB records, with the rest 11.1% at most; the caches")
            + missing(one, "11.1% at most; the ideal is 150 MB")
            + differs("rows", [(row[0], row[-1]) for row in rows],
                      [("one on jdk17", "11.1%"), ("two on jdk17", "11.1%")])
            + missing(summary.markdown(found), "## What the memory was", "| two on jdk17 | 180 |")
            + differs("without one", "What the memory was" in summary.markdown(findings()), False))


def sampled_document(of_two):
    """As document(); in "two", where 4 % of throughput are lost, malloc takes a part."""
    made = document()
    for key, (library, faults, calls) in (("trimalloc", of_two), ("jemalloc", (0.5, 0.25, 0.25))):
        made["runs"][f"two/jdk17/cost-{key}/1"] = {"of": "", "figures": {
            "cost_library_s": library, "cost_faults_s": faults, "cost_calls_s": calls,
            "cost_all_s": 10.0}}
    return summary.Findings(made, {}, (), "pictures")


def the_cost_tells_what_can_be_lost():
    little, much = sampled_document((0.1, 0.05, 0.05)), sampled_document((1.0, 0.5, 0.5))
    told = next(line for line in summary.lost_lines(little) if line.startswith("- two on jdk17: thr"))
    beyond = "in 1 of them more is lost than malloc"
    return (missing(told, "take 2.0% of its CPU time at most (in malloc's code 1.0%, page faults "
                    "0.5%, memory calls 0.5%)", "it would be 1.02 of")
            + missing(summary.counts(little)[0], beyond)
            + differs("of a fifth", beyond in summary.counts(much)[0], False)
            + differs("rows", summary.costs(little).rows, [
                ["two on jdk17", "10.00", "0.100", "0.050", "0.050", "0.200", "2.0%", "1.00"]])
            + missing(summary.markdown(little), "## What malloc cost", "| jemalloc, together |")
            + differs("without", "What malloc cost" in summary.markdown(findings()), False))


def what_holds_for_many_comes_first():
    known = reasons.parse("## general\n- mean RSS: pages wait\n")
    won = summary.Findings({**document(), "runs": {}}, known, (), "pictures")
    return (differs("first", summary.lost_lines(findings(known=known))[0],
                    "- mean RSS in general: pages wait")
            + differs("without a loss", summary.lost_lines(won), ["Nowhere."]))


def chance_needs_no_reason():
    made = document()
    made["runs"]["two/jdk17/jemalloc/1"]["figures"]["mean_bytes"] = 190 * MB
    made["runs"]["two/jdk17/jemalloc/2"]["figures"]["mean_bytes"] = 160 * MB
    found = summary.Findings(made, {}, (), "pictures")
    told = [line for line in summary.lost_lines(found) if line.startswith("- two on jdk17: mean")]
    return (differs("mean RSS of two", told, ["- two on jdk17: mean RSS: 180 MB, jemalloc has "
                                              "175 MB: 1.03 of it; the rounds overlap."])
            + missing("\n".join(summary.counts(found)), "mean RSS: the least of all in 0 of 3 "
                      "scenarios; 1 of the others may be chance"))


def all_scenarios_make_one_mean():
    """The one that failed has no part in it."""
    rows = {row[0]: row for row in overall.table(findings().groups, NAMES).rows}
    return (differs("allocators", sorted(rows), ["glibc", "glibc-trim", "jemalloc"])
            + differs("mean RSS of glibc", rows["glibc"][2], "1.14 ±5%")
            + differs("limit of glibc", rows["glibc"][-1], "1.20")
            + differs("limit of jemalloc", rows["jemalloc"][-1], "-")
            + differs("one", overall.mean([4.0]), (4.0, None)))


def own_reasons_are_of_workloads():
    """A misspelt name would never be found."""
    from jvm import workloads  # pylint: disable=import-outside-toplevel
    names = {w.name for w in workloads.WORKLOADS} | {reasons.GENERAL}
    questions = {q.name for q in verdicts.QUESTIONS}
    return [f"{key} is none of a workload's" for key in reasons.read()
            if key[0] not in names or key[1] not in questions]


## RESULTS.md and the page

def results_have_all():
    text = summary.markdown(findings(pictures=("one.jdk17.rss", "limits.jdk17")))
    return missing(
        text, "A CPU, 2 CPUs", "Linux 6", "Maker 17.0.1", "v-trimalloc", "`TUNED=1`", "`-XX:Trim`",
        "make bench-jvm-medium", "| one on jdk17 | 1.09 (jemalloc) | **1.01 (jemalloc)** |",
        "(users reported: <a story>)", "![resident memory over time](pictures/one.jdk17.rss.svg)",
        "![smallest memory limits on jdk17](pictures/limits.jdk17.svg)", "did not end",
        "throughput: at least 0.97 of the fastest allocator's in 1 of 3 scenarios",
        "three/jdk17/trimalloc/1: was killed by signal 11", "| ideal |")


def results_repeat_themselves():
    return differs("text", summary.markdown(findings()), summary.markdown(findings()))


def others_are_told():
    made = document()
    made["runs"]["one/jdk17/glibc/1"]["figures"]["others_part"] = 0.5
    return (missing(summary.others_sentence(made), "1.0% of the CPUs", "50.0% at most",
                    "`one/jdk17/glibc/1`", "more than 10% in 1 of them")
            + differs("quiet", summary.is_quiet(made), True)
            + differs("busy", summary.is_quiet(document(0.3)), False))


def the_page_needs_nothing():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "one.jdk17.rss.svg"), "w", encoding="ascii") as file:
            file.write("<svg/>")
        text = page.document(findings(pictures=("one.jdk17.rss",)), folder)
    outside = [url for url in re.findall(r'(?:src|href)="([^"]*)"', text)
               if not url.startswith(("data:", "#"))]
    ids = set(re.findall(r'id="([^"]*)"', text))
    links = set(re.findall(r'href="#([^"]*)"', text))
    return (differs("from elsewhere", outside, []) + differs("links to nowhere", links - ids, set())
            + missing(text, "data:image/svg+xml;base64,PHN2Zy8+", "&lt;a story&gt;",
                      "<strong>1.01 (jemalloc)</strong>", '<tr class="own"><td>trimalloc'))


def marks_become_tags():
    return (differs("all", page.inline("`a<b` **c** *d* [e](f)"),
                    "<code>a&lt;b</code> <strong>c</strong> <em>d</em> e"))


## Pictures

def thinning_keeps_extremes():
    seconds = [i / 10 - 5 for i in range(2000)]
    sizes = [1000 if i == 777 else i % 7 for i in range(2000)]
    times, kept = chart.thinned(seconds, sizes, 50)
    return (differs("peak", max(kept), 1000) + differs("order", times, sorted(times))
            + differs("before the load", min(times) >= 0, True)
            + differs("few", len(kept) <= 100, True)
            + differs("short ones whole", chart.thinned([0, 1], [5, 6]), ([0, 1], [5, 6])))


def small_differences_look_small():
    low, high = chart.widened([100.0, 100.5])
    return (differs("a tenth", round(high - low, 1) >= 10, True)
            + differs("all inside", low < 100 and high > 100.5, True)
            + differs("of nothing", chart.widened([0.0])[1] > 0, True))


def points_and_limits_are_found():
    groups = report.grouped(document())
    return (differs("points", chart.points_of(groups["three", "jdk17"], list(NAMES)),
                    {"glibc": (100.0, 5)})
            + differs("limits", chart.limits_of(groups, list(NAMES)),
                      {"jdk17": {"one": {"glibc": 240.0}, "two": {"glibc": 240.0,
                                                                  "trimalloc": 200.0}}}))


def measured(folder, others=0.01):
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(document(others), file)
    for name in NAMES:
        with open(os.path.join(folder, f"one.jdk17.{name}.1.csv"), "w", encoding="ascii") as file:
            file.write("t_s,rss_bytes\n" + "".join(f"{i},{(i + 9) * MB}\n" for i in range(-2, 40)))


def command(folder, *more):
    return subprocess.run([sys.executable, os.path.join(TREE, "bench", "jvm", "results"), folder,
                           *more], check=False, text=True, capture_output=True)


def pictures_are_drawn():
    with tempfile.TemporaryDirectory() as folder:
        measured(folder)
        done = command(folder, "--into", folder)
        pictures = os.path.join(folder, "pictures")
        there = sorted(os.listdir(pictures)) if os.path.isdir(pictures) else []
        wanted = sorted(f"{name}.{kind}" for kind in ("png", "svg") for name in
                        ("one.jdk17.rss", "one.jdk17.trade", "two.jdk17.trade",
                         "three.jdk17.trade", "limits.jdk17"))
        bad = differs("status", (done.returncode, done.stderr), (0, ""))
        bad += differs("pictures", there, wanted)
        if not bad:
            with open(os.path.join(pictures, "one.jdk17.rss.svg"), encoding="utf-8") as file:
                bad += missing(file.read(), "prefers-color-scheme:dark", ">trimalloc")
            with open(os.path.join(folder, "RESULTS.md"), encoding="utf-8") as file:
                bad += missing(file.read(), "(doc/results/one.jdk17.rss.svg)")
            bad += differs("published", os.path.exists(
                os.path.join(folder, "doc", "results", "one.jdk17.rss.svg")), True)
        return bad


def one_goes_on_from_what_was_published():
    """With the figures, and with pictures of curves that are elsewhere."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tree, \
            tempfile.TemporaryDirectory() as next_folder:
        measured(folder)
        command(folder, "--into", tree)
        publish.go_on_from(tree, next_folder)
        kept = store.Store(next_folder, lambda: {
            key: value for key, value in document().items() if key not in ("runs", "limits")})
        days = {run["day"] for run in kept.runs.values()}
        kept.add("one/jdk17/trimalloc/3", "of", figures(100, 100, 100), 1.0)
        with open(os.path.join(next_folder, "one.jdk17.trimalloc.3.csv"), "w", encoding="ascii") as file:
            file.write("t_s,rss_bytes\n0,1\n1,2\n")
        done = command(next_folder)
        earlier = now = None
        if packages.can_draw():
            with open(os.path.join(tree, "doc", "results", "one.jdk17.rss.svg"), "rb") as file:
                earlier = file.read()
            with open(os.path.join(next_folder, "pictures", "one.jdk17.rss.svg"), "rb") as file:
                now = file.read()
        with open(os.path.join(next_folder, "RESULTS.md"), encoding="utf-8") as file:
            told = file.read()
        return (differs("status", done.returncode, 0)
                + differs("said", done.stderr != "", not packages.can_draw())
                + differs("days", days, {"2020-01-01"}) + differs("picture", now == earlier, True)
                + missing(told, "Not all were measured on one day", "; 1 run (trimalloc 1) of "))


def a_busy_machine_s_are_not_published():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tree:
        try:
            publish.publish(findings(others=0.4), folder, tree)
        except publish.TooBusy as busy:
            return (missing(str(busy), "40.0% of the CPUs")
                    + differs("written", os.listdir(tree), []))
        return ["it was published"]


SENTENCES = (
    ("losses follow from the figures, a failure among them", losses_are_computed),
    ("the best other allocator is named", the_best_peer_is_named),
    ("what is slower by less than three percent is no loss", three_percent_are_no_loss),
    ("wins are told, the farthest ahead first", wins_are_ordered),
    ("it is said whether rounds overlap", rounds_tell_of_doubt),
    ("a limit that nobody has looked for is not lost", a_limit_not_looked_for_is_not_lost),
    ("reasons are read from the list of each workload", reasons_are_read),
    ("a loss has its reason or is not explained yet", reasons_are_merged),
    ("the bill tells what the mean was", the_bill_tells_what_the_mean_was),
    ("the cost tells how much of throughput malloc can have lost", the_cost_tells_what_can_be_lost),
    ("what holds for many is said first", what_holds_for_many_comes_first),
    ("a loss that may be chance needs no reason", chance_needs_no_reason),
    ("all scenarios together have a mean, and its error", all_scenarios_make_one_mean),
    ("each reason is of a workload and a figure that are there", own_reasons_are_of_workloads),
    ("RESULTS.md has machine, versions, verdicts, tables and failures", results_have_all),
    ("the same figures give the same RESULTS.md", results_repeat_themselves),
    ("it is said how busy others were", others_are_told),
    ("the page needs no other file", the_page_needs_nothing),
    ("the page shows what RESULTS.md marks", marks_become_tags),
    ("a thinned curve keeps its extremes", thinning_keeps_extremes),
    ("what differs by little lies close together", small_differences_look_small),
    ("points and limits are those that were measured", points_and_limits_are_found),
    ("a run goes on from results that were published", one_goes_on_from_what_was_published),
    ("figures of a busy machine are not published", a_busy_machine_s_are_not_published),
)
DRAWN = "pictures are drawn in both forms, and published with the page"


def main():
    answer = tap.Report()
    for sentence, check in SENTENCES:
        answer.sentence(sentence, check())
    if packages.can_draw():
        answer.sentence(DRAWN, pictures_are_drawn())
    else:
        answer.skip(DRAWN, "matplotlib is missing (Debian: python3-matplotlib)")
    answer.end()


if __name__ == "__main__":
    main()

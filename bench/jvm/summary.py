"""RESULTS.md: all that was measured, how, and where trimalloc stands."""

import statistics
from collections import Counter

from runner.allocators import SUBJECT
from runner.report import Table

from . import bill, cost, overall, report, verdicts
from . import reasons as why
from .variants import is_aside

COMMANDS = {"quick": ("make bench-jvm-quick", "quick"),
            "medium": ("make bench-jvm-medium", "medium"), "long": ("make bench-jvm", "out")}


class Findings:
    """A document with what follows from it. `pictures` are the names of those that
    were drawn, `folder` is where they lie, as a page beside says it."""

    def __init__(self, document, reasons, pictures, folder):
        self.document, self.reasons = document, reasons
        self.pictures, self.folder = set(pictures), folder
        self.groups = report.grouped(document)
        self.verdicts = verdicts.of(self.groups)
        self.order = list(document["allocators"])

    def workload(self, name):
        return self.document["workloads"].get(name, {})

    def verdict(self, workload, jdk, question):
        for one in self.verdicts:
            if (one.workload, one.jdk, one.question) == (workload, jdk, question):
                return one
        return None

    def lost(self):
        return [verdict for verdict in self.verdicts if verdict.loses]

    def won(self):
        """The farthest ahead first."""
        return sorted((verdict for verdict in self.verdicts if verdict.wins),
                      key=lambda verdict: -verdict.margin)

    def measured_reason(self, verdict):
        """Of the mean the bill tells what it was, of throughput what malloc takes."""
        tell = {verdicts.MEAN: bill.sentence, verdicts.SPEED: cost.sentence}.get(
            verdict.question.name)
        return tell(self.groups[verdict.workload, verdict.jdk]) if tell else ""

    def is_beyond_malloc(self, verdict):
        """Whether an allocator that costs nothing would not win it back."""
        return (verdict.question.name == verdicts.SPEED and
                cost.explains(verdict, self.groups[verdict.workload, verdict.jdk]))

    def reason(self, verdict):
        """What chance may have done needs none."""
        told = "; ".join(filter(None, (
            self.measured_reason(verdict),
            self.reasons.get((verdict.workload, verdict.question.name), ""))))
        return told or ("" if verdict.may_be_chance else why.NONE)

    def failures(self):
        return report.failure_lines(self.document)


## How busy others were

def others_sentence(document):
    """Of each run that has a part in comparisons and says so, while it worked."""
    parts = {key: run["figures"]["others_part"] for key, run in document["runs"].items()
             if not is_aside(key.split("/")[2])
             and run.get("figures", {}).get("others_part") is not None}
    if not parts:
        return "How busy others kept the machine was not recorded."
    worst = max(parts, key=parts.get)
    busy = sum(part > verdicts.BUSY for part in parts.values())
    return (f"While a run worked, other processes took {statistics.median(parts.values()):.1%} of "
            f"the CPUs in the median of {len(parts)} runs, and {parts[worst]:.1%} at most "
            f"(`{worst}`); more than {verdicts.BUSY:.0%} in {busy} of them.")


def runs_by_day(document):
    """{day: {allocator: number of runs}} of those that are compared."""
    days, of_all = {}, document["settings"]["started"].split()[0]
    for key, run in document["runs"].items():
        name = key.split("/")[2]
        if "figures" in run and not is_aside(name):
            days.setdefault(run.get("day", of_all), Counter())[name] += 1
    return days


def days_words(document):
    return " and ".join(sorted(runs_by_day(document)))


def days_sentence(document):
    """Where runs are of several days, which allocators' are of which."""
    days = runs_by_day(document)
    if len(days) < 2:
        return ""
    parts = []
    for day, names in sorted(days.items()):
        counts = sorted(set(names.values()))
        total = sum(names.values())
        whose = f"{total} run{'s' if total > 1 else ''}"
        if len(names) < len(document["allocators"]) or len(counts) > 1:
            whose += " (" + ", ".join(f"{name} {n}" for name, n in sorted(names.items())) + ")"
        parts.append(f"{whose} of {day}")
    return (f"Not all were measured on one day: {'; '.join(parts)}. Rounds of different days were not "
            "interleaved.")


def is_quiet(document):
    return report.others(document) <= verdicts.BUSY


def rounds_words(document):
    """How often each JDK's runs were repeated, of the most repeated ones."""
    counts = {}
    for key, run in document["runs"].items():
        jdk, number = key.split("/")[1], int(key.split("/")[3])
        if "figures" in run:
            counts[jdk] = max(counts.get(jdk, 0), number)
    return " and ".join(f"{n} round{'s' if n > 1 else ''} on {jdk}" for jdk, n in counts.items())


## Parts of the page

def best_of(verdict):
    text = f"{verdict.ratio:.2f} ({verdict.peer})" if verdict.own is not None else "did not end"
    return f"**{text}**" if verdict.loses else text


def overview(findings):
    """A row for each scenario: trimalloc's figure by the best peer's, and what part of
    the CPU time malloc can have to do with."""
    table = Table("In short", "", ["scenario", *(q.name for q in verdicts.QUESTIONS),
                                   "malloc's CPU time, at most"])
    for workload, jdk in findings.groups:
        found = [findings.verdict(workload, jdk, question) for question in verdicts.QUESTIONS]
        if any(found):
            share = cost.share(findings.groups[workload, jdk])
            table.rows.append([f"{workload} on {jdk}",
                               *(best_of(one) if one else "-" for one in found),
                               "-" if share is None else f"{share:.1%}"])
    return table


def together(findings):
    return overall.table(findings.groups, findings.order)


def bills(findings):
    return bill.table(findings.groups)


def costs(findings):
    return cost.table(findings.groups, findings.order)


def counts(findings):
    lines = []
    for question in verdicts.QUESTIONS:
        asked = [v for v in findings.verdicts if v.question == question]
        if asked:
            kept = sum(not v.loses for v in asked)
            goal = (f"at least {verdicts.FAST:g} of the fastest allocator's"
                    if question.is_more_better else "the least of all")
            doubtful = sum(v.loses and v.may_be_chance for v in asked)
            rest = f"; {doubtful} of the others may be chance" if doubtful else ""
            beyond = sum(v.loses and findings.is_beyond_malloc(v) for v in asked)
            rest += (f"; in {beyond} of them more is lost than malloc, page faults and memory calls "
                     "take in all, as perf saw it" if beyond else "")
            lines.append(f"- {question.name}: {goal} in {kept} of {len(asked)} scenarios{rest}")
    return lines


def setting_lines(document):
    machine = document["machine"]
    lines = [f"- machine: {machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_mib']} MiB, "
             f"{machine['system']}, {machine['kernel']}, transparent huge pages "
             f"{machine['transparent_hugepages']}"]
    for name, jdk in document["jdks"].items():
        lines.append(f"- {name}: {jdk['version']}, `{' '.join(jdk['options'])}` and a heap of the "
                     f"scenario's size")
    for name, variant in document["allocators"].items():
        tuned = [f"{key}={value}" for key, value in variant["variables"].items()]
        tuned = ", ".join(f"`{word}`" for word in tuned + variant["jvm_options"])
        lines.append(f"- {name}: {variant['version']}{', ' if tuned else ''}{tuned}")
    return lines


def repeat_lines(document):
    settings = document["settings"]
    flags = "" if len(document["jdks"]) < 2 or settings["form"] == "long" else (
        ' JVM_FLAGS="' + " ".join(f"--jdk FOLDER-OF-{name.upper()}"
                                  for name in document["jdks"]) + '"')
    command, folder = COMMANDS[settings["form"]]
    return ["```sh", "./autogen.sh && mkdir -p build/release",
            f"(cd build/release && ../../configure && {command}{flags})",
            f"bench/jvm/results build/release/bench/jvm/{folder} --into .   # writes this page again",
            "```", "",
            "The first run fetches the programs from Maven Central, in pinned versions. "
            "`bench/compare A.json B.json` compares two runs of it. What each scenario does, how "
            "figures are taken and how to read them: [bench/jvm/README.md](bench/jvm/README.md)."]


def won_lines(findings):
    return [f"- {v.workload} on {v.jdk}: {v.sentence()}" for v in findings.won()] or ["Nowhere."]


def lost_lines(findings):
    lost = [f"- {v.workload} on {v.jdk}: {v.sentence()}. {findings.reason(v)}".rstrip()
            for v in findings.lost()]
    general = [f"- {question} in general: {reason}"
               for (workload, question), reason in findings.reasons.items()
               if workload == why.GENERAL]
    return general + lost if lost else ["Nowhere."]


def picture_lines(findings, name, text):
    return [f"![{text}]({findings.folder}/{name}.svg)", ""] if name in findings.pictures else []


def scenario_lines(findings, workload, jdk):
    about = findings.workload(workload)
    story = f" (users reported: {about['story']})" if about.get("story") else ""
    table = report.table("", findings.groups[workload, jdk], findings.order)
    lines = [f"### {workload} on {jdk}", "", f"{about.get('title', '')}{story}. "
             f"`{about.get('load', '')} {' '.join(about.get('settings', []))}`, heap "
             f"{about.get('heap_mb', '?')} MiB.", ""]
    lines += picture_lines(findings, f"{workload}.{jdk}.rss", "resident memory over time")
    lines += picture_lines(findings, f"{workload}.{jdk}.trade", "throughput by mean memory")
    return lines + table.grid() + [""]


def markdown(findings):
    document = findings.document
    settings = document["settings"]
    lines = [
        "# Results", "",
        f"Loads on a JVM, most of them real programs, on {len(document['allocators'])} allocators and "
        "settings of them, measured "
        f"{days_words(document)} in {rounds_words(document)}, {settings['form']} form. Written by "
        "`bench/jvm/results` from the measured figures; the reasons below are from [bench/jvm/reasons.md](bench/jvm/reasons.md).", "",
        " ".join(filter(None, (others_sentence(document), days_sentence(document)))), "",
        "## In short", "",
        f"{SUBJECT}'s figure by that of the best other allocator, which is named; **bold** where "
        f"it loses: throughput below {verdicts.FAST:g}, memory above 1. The last column is the part of "
        f"{SUBJECT}'s CPU time that malloc, page faults and memory calls take together.", "",
        *overview(findings).grid(), "", *counts(findings), "",
        "## All scenarios together", "", overall.NOTE, "",
        *together(findings).grid(), "",
        "## How to repeat it", "", *repeat_lines(document), "",
        "## What it was measured on", "", *setting_lines(document), "",
        f"## Where {SUBJECT} wins", "", *won_lines(findings), "",
        f"## Where {SUBJECT} loses, and why", "", *lost_lines(findings), ""]
    for made in (costs(findings), bills(findings)):
        if made.rows:
            lines += [f"## {made.title}", "", made.note, "", *made.grid(), ""]
    for jdk in document["jdks"]:
        lines += picture_lines(findings, f"limits.{jdk}", f"smallest memory limits on {jdk}")
    lines += ["## The scenarios", "", report.NOTE, ""]
    for workload, jdk in findings.groups:
        lines += scenario_lines(findings, workload, jdk)
    if findings.failures():
        lines += ["## Failures", "", *(f"- {line}" for line in findings.failures()), ""]
    return "\n".join(lines).rstrip("\n") + "\n"



"""The table for the terminal, the Markdown page, and the JSON document."""

import os
import platform

from .allocators import BASELINE, SUBJECT

MIB = 1024 * 1024
NOISY = 0.05  # a spread from which on a time is marked
BUSY = 0.10   # of the CPUs, taken by others, from which on wall times are doubtful


def read_line(path, default="?"):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return default


def describe_machine():
    cpu = "?"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.lower().startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    release = platform.freedesktop_os_release() if os.path.exists("/etc/os-release") else {}
    return {
        "cpu": cpu,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB,
        # Its number tells; what follows names who built it.
        "kernel": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "system": release.get("PRETTY_NAME", "?"),
        "transparent_hugepages": read_line("/sys/kernel/mm/transparent_hugepage/enabled"),
    }


def format_ns(ns):
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= factor:
            return f"{ns / factor:.3g} {unit}"
    return f"{ns:.3g} ns"


def format_ratio(ratio):
    if ratio is None:
        return "-"
    return f"{ratio:.3f}" if ratio < 0.0995 else f"{ratio:.2f}"


class Table:
    """Rows of cells; the first column is text, the others are figures."""

    def __init__(self, title, note, head):
        self.title, self.note, self.head = title, note, head
        self.rows = []

    def text(self):
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        out = [self.title.upper(), self.note]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
            out.append("  ".join(cells).rstrip())
        return "\n".join(out) + "\n"

    def markdown(self):
        return "\n".join([f"## {self.title}", "", self.note, "", *self.grid()]) + "\n"

    def grid(self):
        """The lines of Markdown without title and note."""
        return ["| " + " | ".join(self.head) + " |",
                "|---" + "|--:" * (len(self.head) - 1) + "|",
                *("| " + " | ".join(row) + " |" for row in self.rows)]


def other_names(figures):
    return [name for name in figures.names if name != BASELINE]


def time_cell(figures, row, name):
    spread = figures.value(row, name, "spread")
    mark = "~" if spread is not None and spread > NOISY else ""
    if name == BASELINE:
        ns = figures.value(row, name, "ns")
        return (format_ns(ns) if ns is not None else "-") + mark
    return format_ratio(figures.ratio(row, name, "ns")) + mark


def subject_cells(figures, row):
    """The subject against jemalloc, and against the best peer of the row."""
    if SUBJECT not in figures.names:
        return []
    best = figures.best_peer(row)
    return [format_ratio(figures.ratio(row, SUBJECT, "ns", "jemalloc")),
            format_ratio(figures.ratio(row, SUBJECT, "ns", best)) if best else "-",
            best or "-"]


def mean_row(figures, title, rows):
    cells = [title, "1"]
    cells += [format_ratio(figures.mean(name, "ns", rows)) for name in other_names(figures)]
    if SUBJECT not in figures.names:
        return cells
    best = figures.best_mean_peer(rows)
    to_jemalloc = (figures.mean(SUBJECT, "ns", rows, "jemalloc")
                   if "jemalloc" in figures.names else None)
    to_best = figures.mean(SUBJECT, "ns", rows, best) if best else None
    return cells + [format_ratio(to_jemalloc), format_ratio(to_best), best or "-"]


def time_table(figures):
    names = other_names(figures)
    head = ["benchmark", BASELINE, *names]
    if SUBJECT in figures.names:
        head += ["/jemalloc", "/best", "best peer"]
    table = Table(
        "Time", f"Per iteration: {BASELINE} in time, the others as ratios to it (less is "
        f"better). ~: the rounds differ by more than {NOISY:.0%}.", head)
    for row in figures.timed_rows():
        table.rows.append([row.name,
                           *[time_cell(figures, row, name) for name in figures.names],
                           *subject_cells(figures, row)])
    whole = figures.whole_rows()
    for group in ("general", "large", "crowd"):
        members = [row for row in whole if row.group == group]
        if members and len(members) < len(whole):
            table.rows.append(mean_row(figures, f"geometric mean, {group}", members))
    table.rows.append(mean_row(figures, "geometric mean", whole))
    return table


def cpu_table(figures):
    names = other_names(figures)
    table = Table(
        "CPU time", "Of the rows above that are timed by the clock on the wall: the same "
        "work without what waiting cost, and without what others on the machine took.",
        ["benchmark", BASELINE, *names])
    # The CPU time of the processes that startup starts is not the harness's.
    rows = [row for row in figures.timed_rows()
            if row.clock == "wall" and row.group != "startup"]
    for row in rows:
        ns = figures.value(row, BASELINE, "cpu_ns")
        table.rows.append([row.name, format_ns(ns) if ns is not None else "-",
                           *[format_ratio(figures.ratio(row, name, "cpu_ns"))
                             for name in names]])
    whole = [row for row in figures.whole_rows() if row in rows]
    if whole:
        table.rows.append(["geometric mean", "1", *[
            format_ratio(figures.mean(name, "cpu_ns", whole)) for name in names]])
    return table


def memory_table(figures):
    names = other_names(figures)
    table = Table(
        "Peak RSS", f"Of the whole process: {BASELINE} in MiB, the others as ratios to it.",
        ["benchmark", BASELINE, *names])
    for row in figures.timed_rows():
        peak = figures.value(row, BASELINE, "rss")
        table.rows.append([row.name, f"{peak / MIB:.1f}" if peak is not None else "-",
                           *[format_ratio(figures.ratio(row, name, "rss")) for name in names]])
    for title, figure in (("geometric mean", "rss"),
                          ("geometric mean, all freed", "rest_bytes")):
        table.rows.append([title, "1", *[format_ratio(figures.mean(name, figure))
                                         for name in names]])
    return table


def fault_table(figures):
    table = Table("Page faults", "Minor faults per iteration, where any allocator has "
                  "one in a hundred iterations.", ["benchmark", *figures.names])
    for row in figures.timed_rows():
        faults = [figures.value(row, name, "minor_faults") for name in figures.names]
        if any(f is not None and f >= 0.01 for f in faults):
            table.rows.append([row.name, *["-" if f is None else f"{f:.2f}" for f in faults]])
    return table


def kib_cell(value, base=0):
    return "-" if value is None or base is None else f"{(value - base) / 1024:.1f}"


def rest_table(figures):
    table = Table("At rest", "KiB: what an idle thread keeps, and the peak of `true`.",
                  ["", *figures.names])
    for row in figures.rows:
        for figure in ("idle_bytes", "child_peak_bytes"):
            kept = [figures.value(row, name, figure) for name in figures.names]
            if any(value is not None for value in kept):
                table.rows.append([row.name, *map(kib_cell, kept)])
    return table


def verdict_word(verdict):
    return {True: "met", False: "MISSED", None: "not judged"}[verdict]


def targets_text(targets):
    lines = ["TARGETS"]
    for sentence, verdict, details in targets:
        lines.append(f"{verdict_word(verdict):10}  {sentence}")
        lines += [f"{'':12}{detail}" for detail in details]
    return "\n".join(lines) + "\n"


def targets_markdown(targets):
    lines = ["## Targets", "", "| target | | figure |", "|---|---|---|"]
    for sentence, verdict, details in targets:
        lines.append(f"| {sentence} | {verdict_word(verdict)} | {'<br>'.join(details)} |")
    return "\n".join(lines) + "\n"


def tables(figures):
    return [table for table in (time_table(figures), cpu_table(figures),
                                memory_table(figures), fault_table(figures),
                                rest_table(figures)) if table.rows]


def others_text(others):
    sentence = f"Others took {others:.0%} of the CPUs meanwhile"
    return sentence + (": wall times are doubtful." if others > BUSY else ".")


def text(figures, targets):
    parts = [table.text() for table in tables(figures)]
    return "\n".join(parts + ([targets_text(targets)] if targets else []))


def markdown(figures, targets, about):
    machine, settings = about["machine"], about["settings"]
    head = [
        "# Benchmarks", "",
        f"{settings['started']}, {settings['seconds']:.0f} s: {settings['rounds']} rounds, "
        f"iterations times {settings['scale']:g}. Written by `bench/run`. "
        f"{others_text(settings['others_cpu'])}", "",
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_mib']} MiB, "
        f"{machine['system']}, {machine['kernel']}, transparent huge pages "
        f"{machine['transparent_hugepages']}.", "",
    ]
    for name, allocator in about["allocators"].items():
        tuned = " ".join(f"`{k}={v}`" for k, v in allocator["variables"].items())
        head.append(f"- {name} {allocator['version']} {tuned}".rstrip())
    parts = ["\n".join(head) + "\n"]
    parts += [targets_markdown(targets)] if targets else []
    parts += [table.markdown() for table in tables(figures)]
    return "\n".join(parts)


def document(figures, failures, targets, about):
    """All of it, for json.dump()."""
    return {
        **about,
        "benchmarks": {
            row.name: {"clock": row.clock, "group": row.group,
                       "iterations": row.iterations,
                       "medians": figures.medians[row.name],
                       "samples": figures.samples[row.name]}
            for row in figures.rows},
        "means": {name: {figure: figures.mean(name, figure)
                         for figure in ("ns", "rss", "rest_bytes")}
                  for name in figures.names},
        "failures": [{"benchmark": row, "allocator": name, "why": why}
                     for row, name, why in failures],
        "targets": [{"target": sentence, "met": verdict, "details": details}
                    for sentence, verdict, details in targets],
    }

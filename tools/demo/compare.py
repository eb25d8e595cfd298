#!/usr/bin/env python3
"""compare.py -- runs the demo under several allocators and shows what they did.

tools/quickstart builds what is needed and calls this. The allocators take
turns, round by round, so that a machine which gets slower or faster meanwhile
is so for all of them.
"""

import argparse
import csv
import os
import re
import shutil
import statistics
import subprocess
import sys

import chart
import record

# The other allocators that Debian has: a name, its library, its package.
PEERS = (
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
)
HEAP = "-Xmx256m"
TITLE = "A Java service: three bursts of requests, then idle"
SUBTITLE = "200 threads: gzip, direct buffers, native blocks of mixed sizes · Java heap at most 256 MB · JDK %d"


def fail(text):
    sys.exit("quickstart: " + text)


def java_version(java):
    """The feature release of a java: 17, 25, ..."""
    try:
        said = subprocess.run([java, "-XshowSettings:properties", "-version"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    except OSError as error:
        fail("%s does not run: %s" % (java, error))
    found = re.search(r"java\.specification\.version = (\d+)", said)
    if not found:
        fail("%s does not say its version:\n%s" % (java, said))
    return int(found.group(1))


def java_command(java, version, classes, idle_seconds):
    command = [java, HEAP, "-XX:+UseG1GC", "-Xlog:gc+heap+coops=debug"]
    # Before JDK 22, G1 fails with an OutOfMemoryError when many threads are
    # inside zlib whenever it wants to collect; it then has to try again.
    if version < 22:
        command += ["-XX:+UnlockDiagnosticVMOptions", "-XX:GCLockerRetryAllocationCount=1000"]
    if version >= 23:
        command += ["--sun-misc-unsafe-memory-access=allow"]
    return command + ["-cp", classes, "Bursts", "--idle-ms", str(1000 * idle_seconds)]


def find_library(file):
    """The path of a library that the dynamic linker would find, or None."""
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    if not ldconfig:
        return None
    listed = subprocess.run([ldconfig, "-p"], text=True, stdout=subprocess.PIPE, check=True).stdout
    found = re.search(r"^\s*%s \(.*\) => (.*)$" % re.escape(file), listed, re.MULTILINE)
    return found.group(1) if found else None


def choose_allocators(library, with_peers):
    """Pairs of a name and what to preload for it, None for libc's own."""
    chosen = [("glibc", None)]
    for name, file, package in PEERS if with_peers else ():
        path = find_library(file)
        if path:
            chosen.append((name, path))
        else:
            print("%s is not installed (Debian: %s)" % (name, package))
    return chosen + [("trimalloc", library)]


class Progress:
    """One line that is written over on a terminal, else one line per phase."""

    def __init__(self, label):
        self.label = label
        self.phase = None
        self.wipes = sys.stdout.isatty()

    def __call__(self, seconds, phase, resident):
        line = "%s  %5.1f s  %-8s %5.0f MB" % (self.label, seconds, phase.replace("-", " "),
                                               resident / chart.MB)
        if self.wipes:
            print("\r\033[K" + line, end="", flush=True)
        elif phase != self.phase:
            print(line, flush=True)
        self.phase = phase

    def end(self):
        if self.wipes:
            print("\r\033[K", end="", flush=True)


def run_all(allocators, command, rounds):
    """The recordings of each allocator, by name."""
    recordings = {name: [] for name, _ in allocators}
    for number in range(1, rounds + 1):
        for name, preload in allocators:
            progress = Progress("round %d of %d  %-9s" % (number, rounds, name))
            try:
                one = record.Runner(command, preload, progress).run()
            except record.RunFailed as error:
                progress.end()
                fail("the demo failed under %s\n%s" % (name, error))
            progress.end()
            print("round %d of %d  %-9s  %5.1f s  peak %4.0f MB, after idling %4.0f MB" % (
                number, rounds, name, one.end, one.peak / chart.MB, one.after_idle / chart.MB),
                flush=True)
            recordings[name].append(one)
    return recordings


def check_same_work(recordings):
    sums = {run.results["checksum"] for runs in recordings.values() for run in runs}
    if len(sums) != 1:
        fail("the runs computed different checksums: " + ", ".join(sorted(sums)))


def representative(runs):
    """The run that is drawn and shown: the one in the middle, by what it keeps."""
    return sorted(runs, key=lambda run: run.after_idle)[(len(runs) - 1) // 2]


COLUMNS = (
    ("peak RSS", "MB", lambda run: run.peak / chart.MB),
    ("RSS after idling", "MB", lambda run: run.after_idle / chart.MB),
    ("native RSS after idling", "MB",
     lambda run: None if run.native_after_idle is None else run.native_after_idle / chart.MB),
    ("requests", "/s", lambda run: run.throughput),
    ("requests", "/CPU s", lambda run: float(run.results["requests"]) / run.cpu_seconds),
)


def medians(runs):
    """A row of the table: each column's median over the rounds, None if unknown."""
    row = []
    for _, _, value in COLUMNS:
        values = [value(run) for run in runs]
        row.append(None if None in values else statistics.median(values))
    return row


def ratio(value, base):
    return "?" if None in (value, base) else "%.2f" % (value / base)


def table(recordings):
    """The lines of the table, the last of them the ratios to glibc."""
    rows = {name: medians(runs) for name, runs in recordings.items()}
    heads = [("%s, %s" % (title, unit)).replace(", /", "/") for title, unit, _ in COLUMNS]
    lines = ["%-18s" % "" + "".join("  " + head for head in heads)]
    for name, row in rows.items():
        cells = ["?" if value is None else "{:,.0f}".format(value) for value in row]
        lines.append("%-18s" % name + "".join(
            "  " + cell.rjust(len(head)) for cell, head in zip(cells, heads)))
    for name, row in rows.items():
        if name != "glibc":
            cells = [ratio(value, base) for value, base in zip(row, rows["glibc"])]
            lines.append("%-18s" % (name + " : glibc") + "".join(
                "  " + cell.rjust(len(head)) for cell, head in zip(cells, heads)))
    return lines


def write_csv(recordings, path):
    """Every sample: which run, when, in which phase, how much was resident."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("allocator", "round", "seconds", "phase", "rss_bytes"))
        for name, runs in recordings.items():
            for number, run in enumerate(runs, 1):
                for at, size in run.samples:
                    begun = [phase for since, phase in run.phases if since <= at]
                    writer.writerow((name, number, "%.2f" % at, begun[-1] if begun else "start", size))


def show_chart(series):
    size = shutil.get_terminal_size((100, 30))
    coloured = (sys.stdout.isatty() and "NO_COLOR" not in os.environ
                and "utf" in (sys.stdout.encoding or "").lower())
    print(chart.terminal_text(series, max(60, min(size.columns, 130)),
                              max(18, min(size.lines - 8, 30)), coloured))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--java", required=True, help="the java to run")
    parser.add_argument("--classes", required=True, help="folder of the compiled demo")
    parser.add_argument("--library", required=True, help="path of libtrimalloc.so")
    parser.add_argument("--out", required=True, help="folder to write rss.svg, rss.png, rss.csv, table.txt to")
    parser.add_argument("--peers", action="store_true", help="also run the other allocators installed")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each allocator")
    parser.add_argument("--seconds", type=int, default=8, help="how long the demo idles at the end")
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        fail("--rounds wants a number of at least 1")
    if chosen.seconds < 2:
        fail("--seconds wants a number of at least 2")
    return chosen


def main():
    chosen = arguments()
    allocators = choose_allocators(os.path.realpath(chosen.library), chosen.peers)
    version = java_version(chosen.java)
    os.makedirs(chosen.out, exist_ok=True)

    recordings = run_all(allocators, java_command(chosen.java, version, chosen.classes, chosen.seconds),
                         chosen.rounds)
    check_same_work(recordings)

    def path(name):
        return os.path.join(chosen.out, name)

    write_csv(recordings, path("rss.csv"))
    lines = table(recordings)
    with open(path("table.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    series = [chart.Series(name, runs, representative(runs)) for name, runs in recordings.items()]
    chart.write_svg(series, TITLE, SUBTITLE % version, path("rss.svg"))
    chart.write_png(series, TITLE, SUBTITLE % version, path("rss.png"))
    show_chart(series)
    print("\n".join(lines))
    print("\nnative RSS: without the Java heap, with everything else that the JVM needs; "
          "requests: median of the rounds.")
    print("Written to %s: rss.svg, rss.png, rss.csv, table.txt" % chosen.out)


if __name__ == "__main__":
    try:
        main()
    except chart.NoGnuplot as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

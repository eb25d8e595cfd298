"""Runs benchmarks: one process per benchmark, allocator and round."""

import json
import os
import random
import re
import resource
import subprocess
import sys
import time

TIMEOUT_S = 120
# Figures of a sample besides the time, as adapter.cc names them.
COUNTERS = ("peak_bytes", "rest_bytes", "child_peak_bytes", "idle_bytes")


class Row:
    """A benchmark as `suite --list` describes it."""

    def __init__(self, line):
        self.name, self.clock, self.group, iterations = line.split("\t")
        self.iterations = int(iterations)


def list_rows(suite, only):
    listing = subprocess.run([suite, "--list"], check=True, capture_output=True,
                             text=True).stdout
    rows = [Row(line) for line in listing.splitlines()]
    return [row for row in rows if re.search(only, row.name)]


def take_sample(suite, row, allocator, scale):
    """One run: (sample, None), or (None, why there is none)."""
    command = [suite, row.name, "--scale", str(scale), "--benchmark_format=json"]
    try:
        run = subprocess.run(command, env=allocator.environment(), check=False,
                             capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None, f"took longer than {TIMEOUT_S} s"
    if run.returncode != 0:
        words = run.stderr.strip().splitlines()
        how = (f"was killed by signal {-run.returncode}" if run.returncode < 0
               else f"ended with status {run.returncode}")
        return None, how + (f": {words[-1]}" if words else "")
    figures = json.loads(run.stdout)["benchmarks"][0]
    if not allocator.is_library(figures["label"]):
        return None, f"malloc came from {figures['label']}: the preload did not take effect"
    # Iterations are timed in nanoseconds: google-benchmark's default unit.
    sample = {
        "ns": figures["real_time" if row.clock == "wall" else "cpu_time"],
        "cpu_ns": figures["cpu_time"],
        "wall_ns": figures["real_time"],
        "minor_faults": figures["minor_faults"] / figures["iterations"],
    }
    sample.update({name: figures[name] for name in COUNTERS if name in figures})
    # What a process peaks at that does nothing else: that of `true`.
    sample["rss"] = sample.get("child_peak_bytes", sample["peak_bytes"])
    return sample, None


def busy_seconds():
    """CPU seconds that the machine was busy since its start, stolen ones
    included, and those of this process and its children."""
    with open("/proc/stat", encoding="ascii") as stat:
        # cpu user nice system idle iowait irq softirq steal
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    busy = sum(ticks) - ticks[3] - ticks[4]
    usages = [resource.getrusage(who)
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return (busy / os.sysconf("SC_CLK_TCK"),
            sum(usage.ru_utime + usage.ru_stime for usage in usages))


class OtherWork:
    """How much of the machine's CPU time others took, from here on."""

    def __init__(self):
        self.start = time.monotonic()
        self.busy, self.own = busy_seconds()

    def part(self):
        busy, own = busy_seconds()
        spent = (time.monotonic() - self.start) * os.cpu_count()
        return max(0.0, (busy - self.busy) - (own - self.own)) / spent


class Progress:
    """Says on stderr how far the runs are, and how long the rest will take."""

    def __init__(self, nruns):
        self.nruns = nruns
        self.ndone = 0
        self.start = time.monotonic()
        self.last_line = 0.0
        self.is_terminal = sys.stderr.isatty()

    def _line(self, what):
        spent = time.monotonic() - self.start
        left = spent / self.ndone * (self.nruns - self.ndone) if self.ndone else 0
        about = f"{int(left) // 60}:{int(left) % 60:02} left" if self.ndone else ""
        return (f"[{self.ndone:5}/{self.nruns}] "
                f"{100 * self.ndone // self.nruns:3}% {about:11} {what}")

    def step(self, what):
        now = time.monotonic()
        if self.is_terminal:
            print(f"\r\033[K{self._line(what)}", end="", file=sys.stderr, flush=True)
        elif now - self.last_line >= 10:
            self.last_line = now
            print(self._line(what), file=sys.stderr, flush=True)
        self.ndone += 1

    def say(self, sentence):
        print(("\r\033[K" if self.is_terminal else "") + sentence, file=sys.stderr,
              flush=True)

    def end(self):
        if self.is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class Plan:
    """How many rounds of what."""

    def __init__(self, rounds, least_rounds, limit_s, scale):
        self.rounds = rounds              # at most
        self.least_rounds = least_rounds  # even if they take longer than
        self.limit_s = limit_s            # None: as long as it takes
        self.scale = scale                # times the iterations of each row

    def rounds_after(self, ndone, spent_s):
        """How many rounds there will be, seeing how long `ndone` took."""
        if self.limit_s is None:
            return self.rounds
        fitting = int(self.limit_s / (spent_s / ndone))
        return max(min(self.rounds, fitting), self.least_rounds, ndone)


class Runs:
    """The samples of a suite, as they come in."""

    def __init__(self, suite, rows, allocators, plan):
        self.suite, self.rows, self.allocators = suite, rows, allocators
        self.plan = plan
        self.rounds = 0
        # {benchmark: {allocator: [sample]}}, and [(benchmark, allocator, why)].
        self.samples = {row.name: {a.name: [] for a in allocators} for row in rows}
        self.failures = []
        self.runs_per_round = len(rows) * len(allocators)
        self.progress = Progress(plan.rounds * self.runs_per_round)
        # A fixed seed: the same orders in each run of the suite.
        self.shuffler = random.Random(1)

    def _has_failed(self, row, allocator):
        return any(f[:2] == (row.name, allocator.name) for f in self.failures)

    def _run(self, row, allocator):
        self.progress.step(f"{row.name} on {allocator.name}")
        if self._has_failed(row, allocator):
            return
        sample, why = take_sample(self.suite, row, allocator, self.plan.scale)
        if sample:
            self.samples[row.name][allocator.name].append(sample)
            return
        self.failures.append((row.name, allocator.name, why))
        self.samples[row.name][allocator.name] = []
        self.progress.say(f"{row.name} on {allocator.name}: {why}")

    def run(self):
        """In each round, all allocators run a benchmark one right after the
        other, in an order of its own: what slows the machine down for a while
        meets all of them. Whoever fails once is left out for the rest."""
        rounds = self.plan.rounds
        while self.rounds < rounds:
            for row in self.rows:
                for allocator in self.shuffler.sample(self.allocators,
                                                      len(self.allocators)):
                    self._run(row, allocator)
            self.rounds += 1
            rounds = self.plan.rounds_after(
                self.rounds, time.monotonic() - self.progress.start)
            self.progress.nruns = rounds * self.runs_per_round
        self.progress.end()

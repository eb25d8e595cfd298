"""Runs the matrix: in each round, on each JDK, all allocators run a workload one
right after the other, in an order of its own. What a process keeps when its load
has ended is looked at while the next one works."""

import contextlib
import os
import random
import re
import shutil
import sys
import tempfile
import time

from rss import cgroup, child, contenders
from rss.rounds import Progress
from runner.measure import busy_seconds

from . import figures, samples, store, variants, workloads


MB = 1_000_000
JOIN = 'echo $$ > "$0" && exec "$@"'
# Processes that do nothing but keep memory; fewer where memory is short.
MOST_AT_REST = 5
ROOM_BYTES = 2_000 * MB
OF_ASIDE = {variants.LEDGER: figures.ideal, variants.BILL: figures.bill}


def all_fit(_jdk, _variant):
    return True


def steps(chosen, found_jdks, competitors, asides, nrounds, fits=all_fit):
    """What slows the machine down for a while meets all allocators. The seed is
    fixed: an interrupted run comes by the same steps again. Of those aside, which
    have no part in the comparison, once is enough."""
    shuffler = random.Random(1)
    for number in range(nrounds):
        for workload in chosen:
            for jdk in found_jdks:
                if number == 0:
                    yield from (store.Step(workload, jdk, one, number) for one in asides
                                if fits(jdk, one))
                able = [variant for variant in competitors if fits(jdk, variant)]
                for variant in shuffler.sample(able, len(able)):
                    yield store.Step(workload, jdk, variant, number)


def remove_stale(folder):
    """Scratch folders of a runner that was killed before it could remove them."""
    for name in os.listdir(folder):
        found = re.fullmatch(r"data-(\d+)-\w+", name)
        if found and not os.path.exists(f"/proc/{found.group(1)}"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


@contextlib.contextmanager
def scratch(folder):
    """A folder of the workload's own, on disk and not in memory."""
    path = tempfile.mkdtemp(prefix=f"data-{os.getpid()}-", dir=folder)
    os.mkdir(os.path.join(path, "data"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def joined(group, command):
    """The command as a member of the group from its first instruction on."""
    return ["/bin/sh", "-c", JOIN, os.path.join(group.folder, "cgroup.procs"), *command]


def available_bytes():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"MemAvailable:\s+(\d+) kB", file.read()).group(1)) * 1024


class Run:
    """A step that has been started: its JVM, the folder and the cgroup around it."""

    def __init__(self, step, form, built, folder):
        self.step, self.group = step, None
        self.of_group = {}
        self.of_cost = {}
        self.others_part = None     # of all CPUs, while it worked
        self.worked_s = None
        self.start = time.monotonic()
        scenario = workloads.scenario(
            step.workload, form, workloads.ASIDE_READINGS if step.variant.is_aside else None)
        with contextlib.ExitStack() as stack:
            path = stack.enter_context(scratch(folder))
            command = workloads.command(step.workload, step.jdk, step.variant, form, built, path)
            if step.workload.limit_mb:
                self.group = stack.enter_context(cgroup.limited(step.workload.limit_mb * MB))
                command = joined(self.group, command)
            self._samples = os.path.join(path, "samples")
            if step.variant.is_sampled:
                command = samples.recorded(command, step.variant.preload, self._samples)
            self.child = child.Child(scenario, step.variant, command, scenario.timeout_s)
            self._stack = stack.pop_all()

    def works(self):
        """What a run aside does goes on until its end."""
        return not (self.child.has_ended or
                    (not self.step.variant.is_aside and self.child.has_said("rest")))

    def has_worked(self, clock, runs):
        self.worked_s = time.monotonic() - self.start
        self.others_part = clock.others_part(runs)

    def close(self):
        """After the process has ended."""
        if self.group:
            self.of_group = {"usage_peak_bytes": self.group.peak_bytes(),
                             "kills": self.group.kills()}
        if self.step.variant.is_sampled and self.child.has_said("result"):
            self.of_cost = samples.figures(self._samples, self.child.marks, self.step.variant.path)
        self._stack.close()


class Clock:
    """CPU seconds of the machine, and those of this run of the matrix."""

    def __init__(self, runs):
        self.start = time.monotonic()
        self.busy, self.own = self._read(runs)

    @staticmethod
    def _read(runs):
        busy, own = busy_seconds()
        return busy, own + sum(run.child.cpu_s() for run in runs)

    def others_part(self, runs):
        """Of all CPUs, since the start; in `runs` are all that have not been
        waited for."""
        busy, own = self._read(runs)
        spent = (time.monotonic() - self.start) * os.cpu_count()
        return max(0.0, (busy - self.busy) - (own - self.own)) / spent


class Matrix:
    def __init__(self, plan, kept, built, form):
        self.steps = list(plan)
        self.store, self.built, self.form = kept, built, form
        self.variants = {step.variant.name: step.variant for step in self.steps}
        self.runs = []      # that have not been recorded

    def _of(self, step):
        return store.fingerprint(step, self.form)

    def _missing(self):
        self.store.keep_old([(step.key, self._of(step)) for step in self.steps])
        wanted = [step for step in self.steps if not self.store.has(step.key, self._of(step))]
        if len(wanted) < len(self.steps):
            print(f"{len(self.steps) - len(wanted)} of {len(self.steps)} runs are there already",
                  file=sys.stderr)
        return wanted

    def run(self):
        remove_stale(self.store.folder)
        wanted = self._missing()
        progress = Progress((step.workload.name for step in wanted),
                            self.store.seconds_by_workload())
        try:
            with child.Crowd() as crowd:
                for step in wanted:
                    progress.begin(step.key)
                    start = time.monotonic()
                    self._work(crowd, step)
                    progress.done(step.workload.name, time.monotonic() - start)
                crowd.run_while(lambda: True)
                self._record_ended()
        finally:
            for run in self.runs:
                run.close()

    def _work(self, crowd, step):
        """Until the process rests, or has failed."""
        self._make_room(crowd)
        try:
            run = Run(step, self.form, self.built, self.store.folder)
        except cgroup.Unavailable as error:
            return self._fail(step, str(error))
        except OSError as error:
            return self._fail(step, f"cannot be started: {error}")
        self.runs.append(run)
        clock = Clock(self.runs)
        crowd.add(run.child)
        crowd.run_while(run.works)
        run.has_worked(clock, self.runs)
        self._record_ended()

    def _make_room(self, crowd):
        """Waits for those that have rested the longest."""
        while self.runs and (len(self.runs) >= MOST_AT_REST or available_bytes() < ROOM_BYTES):
            crowd.run_while(self.runs[0].child.still_runs)
            self._record_ended()

    def _record_ended(self):
        for run in [run for run in self.runs if run.child.has_ended]:
            self.runs.remove(run)
            run.close()
            self._record(run)

    def _record(self, run):
        step, one = run.step, run.child
        why = one.failure or self._unproven(step, one)
        if why is None:
            try:
                found = {**self._figures(step, one), **run.of_group, **run.of_cost,
                         "others_part": run.others_part}
                self.store.keep_curve(step.key, one.marks, one.series)
                self.store.add(step.key, self._of(step), found, run.worked_s)
                return
            except (KeyError, IndexError, ZeroDivisionError) as error:
                why = f"what it said is incomplete: {error!r}"
        self._fail(step, why)

    def _fail(self, step, why):
        print(f"{step.key}: {why}", file=sys.stderr, flush=True)
        self.store.fail(step.key, self._of(step), why)

    def _unproven(self, step, one):
        if not one.marks:
            return "said nothing"
        return contenders.preload_failure(step.variant, self.variants.values(),
                                          one.proof or (), None)

    @staticmethod
    def _figures(step, one):
        if step.variant.is_sampled:
            return {}
        if step.variant.is_aside:
            return OF_ASIDE[step.variant.name](one.marks)
        return figures.of(one.marks, one.readings, one.series)

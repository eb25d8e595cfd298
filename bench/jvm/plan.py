"""Runs the matrix: in each round, on each JDK, all allocators run a workload one
right after the other, in an order of its own."""

import contextlib
import os
import random
import shutil
import sys
import tempfile
import time

from rss import cgroup, child, contenders
from rss.rounds import Progress

from . import figures, store, workloads


MB = 1_000_000
JOIN = 'echo $$ > "$0" && exec "$@"'


def steps(chosen, found_jdks, variants, ledger, nrounds):
    """What slows the machine down for a while meets all allocators. The seed is
    fixed: an interrupted run comes by the same steps again. The ledger's run has
    no part in the comparison; once is enough."""
    shuffler = random.Random(1)
    for number in range(nrounds):
        for workload in chosen:
            for jdk in found_jdks:
                if ledger and number == 0:
                    yield store.Step(workload, jdk, ledger, number)
                for variant in shuffler.sample(variants, len(variants)):
                    yield store.Step(workload, jdk, variant, number)


@contextlib.contextmanager
def scratch(folder):
    """A folder of the workload's own, on disk and not in memory."""
    path = tempfile.mkdtemp(prefix="data-", dir=folder)
    os.mkdir(os.path.join(path, "data"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def joined(group, command):
    """The command as a member of the group from its first instruction on."""
    return ["/bin/sh", "-c", JOIN, os.path.join(group.folder, "cgroup.procs"), *command]


class Matrix:
    def __init__(self, plan, kept, built, is_quick):
        self.steps = list(plan)
        self.store, self.built, self.is_quick = kept, built, is_quick
        self.variants = {step.variant.name: step.variant for step in self.steps}

    def _of(self, step):
        return store.fingerprint(step, self.is_quick)

    def run(self):
        self.store.keep_old([(step.key, self._of(step)) for step in self.steps])
        wanted = [step for step in self.steps if not self.store.has(step.key, self._of(step))]
        if len(wanted) < len(self.steps):
            print(f"{len(self.steps) - len(wanted)} of {len(self.steps)} runs are there already",
                  file=sys.stderr)
        progress = Progress(step.workload.name for step in wanted)
        for step in wanted:
            progress.begin(step.key)
            start = time.monotonic()
            self._run_step(step)
            progress.done(step.workload.name, time.monotonic() - start)

    def _run_step(self, step):
        try:
            one, of_group = self._drive(step)
            why = one.failure or self._unproven(step, one)
            if why is None:
                self.store.keep_curve(step.key, one.marks, one.series)
                self.store.add(step.key, self._of(step), {**self._figures(step, one), **of_group})
                return
        except cgroup.Unavailable as error:
            why = str(error)
        except OSError as error:
            why = f"cannot be started: {error}"
        except (KeyError, IndexError, ZeroDivisionError) as error:
            why = f"what it said is incomplete: {error!r}"
        print(f"{step.key}: {why}", file=sys.stderr, flush=True)
        self.store.fail(step.key, self._of(step), why)

    def _drive(self, step):
        """A finished child, and figures of its cgroup if it has one."""
        with scratch(self.store.folder) as folder:
            command = workloads.command(step.workload, step.jdk, step.variant, self.is_quick,
                                        self.built, folder)
            if not step.workload.limit_mb:
                return self._watch(step, command), {}
            with cgroup.limited(step.workload.limit_mb * MB) as group:
                one = self._watch(step, joined(group, command))
                return one, {"usage_peak_bytes": group.peak_bytes(), "kills": group.kills()}

    def _watch(self, step, command):
        scenario = workloads.scenario(step.workload, self.is_quick)
        one = child.Child(scenario, step.variant, command, scenario.timeout_s)
        child.drive([one])
        return one

    def _unproven(self, step, one):
        if not one.marks:
            return "said nothing"
        return contenders.preload_failure(step.variant, self.variants.values(),
                                          one.proof or (), None)

    @staticmethod
    def _figures(step, one):
        if step.variant.settings:   # the ledger's
            return figures.ideal(one.marks)
        return figures.of(one.marks, one.readings, one.series)

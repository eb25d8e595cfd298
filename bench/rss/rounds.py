"""Runs scenarios on allocators, round by round."""

import mmap
import os
import random
import sys
import time

from . import child, contenders, row, sample


class Progress:
    """Says on stderr what runs and how long the rest will take. A scenario that
    has not run yet is taken to last as long as the mean of those that have."""

    FIRST_GUESS_S = 5.0
    BAR = 24

    def __init__(self, plan, spent=None):
        self.left = list(plan)      # names of the scenarios of all steps to come
        self.total = len(self.left)
        self.spent = spent or {}    # {scenario: [seconds of its steps]}
        self.seconds = 0.0          # of the steps that are done

    def seconds_left(self):
        every = [s for spent in self.spent.values() for s in spent]
        guess = sum(every) / len(every) if every else self.FIRST_GUESS_S
        return sum(sum(self.spent[name]) / len(self.spent[name])
                   if name in self.spent else guess for name in self.left)

    def line(self, what):
        """A bar by time, the step's number, and what is left."""
        left = self.seconds_left()
        part = self.seconds / (self.seconds + left) if left else 1.0
        bar = ("#" * int(self.BAR * part)).ljust(self.BAR, ".")
        return (f"{bar} {self.total - len(self.left) + 1:3}/{self.total} {part:4.0%}  "
                f"{int(left) // 60}:{int(left) % 60:02} left  {what}")

    def begin(self, what):
        print(self.line(what), file=sys.stderr, flush=True)

    def done(self, name, seconds):
        self.left.remove(name)
        self.seconds += seconds
        self.spent.setdefault(name, []).append(seconds)


def available_bytes():
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def warm_memory(size):
    """Touches memory and gives it back. A virtual machine whose memory its host
    has to find first is many times slower at the first touch: without this, the
    allocator that comes first would pay for all."""
    if 0 < size < available_bytes() / 2:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        mmap.mmap(-1, size, flags=flags).close()


class Rounds:
    """`recorder` keeps what comes out: add(), fail(), skip(), series(), save()."""

    def __init__(self, chosen, allocators, make_context, recorder, nrounds):
        self.scenarios = chosen
        self.allocators = allocators
        self.make_context = make_context
        self.recorder = recorder
        self.nrounds = nrounds
        # A fixed seed: the same orders in each run of the suite.
        self.shuffler = random.Random(1)

    def _steps(self):
        """(round, scenario, the allocators that run side by side)."""
        for number in range(self.nrounds):
            for scenario in self.scenarios:
                order = self.shuffler.sample(self.allocators, len(self.allocators))
                groups = [order] if scenario.is_parallel else [[one] for one in order]
                for group in groups:
                    yield number, scenario, group

    def run(self):
        """In each round all allocators run a scenario one right after the other,
        in an order of its own: what slows the machine down for a while meets all
        of them."""
        steps = list(self._steps())
        progress = Progress(scenario.name for _, scenario, _ in steps)
        for number, scenario, group in steps:
            names = ", ".join(allocator.name for allocator in group)
            progress.begin(f"{scenario.name} on {names}")
            start = time.monotonic()
            self._run_group(number, scenario, group)
            progress.done(scenario.name, time.monotonic() - start)
            self.recorder.save()

    def _run_group(self, number, scenario, group):
        warm_memory(scenario.warm_bytes)
        children = []
        for allocator in group:
            why = scenario.why_not(self.make_context(allocator))
            if why:
                self.recorder.skip(scenario, why)
                continue
            command = scenario.command(self.make_context(allocator))
            try:
                children.append(child.Child(scenario, allocator, command, scenario.timeout_s))
            except OSError as error:
                self.recorder.fail(scenario, allocator.name, f"cannot be started: {error}")
        if children:
            child.drive(children)
        for one in children:
            self._record(number, scenario, one)

    def _record(self, number, scenario, one):
        name = one.allocator.name
        self.recorder.keep_series(scenario, name, number, one)
        why = one.failure or self._unproven(one)
        if why:
            self.recorder.fail(scenario, name, why)
            return
        seen = sample.Sample(one.marks, one.readings, one.series)
        try:
            figures = sample.common_figures(seen)
            figures.update(scenario.derive(seen, figures))
        except (KeyError, IndexError, ZeroDivisionError) as error:
            self.recorder.fail(scenario, name, f"what it said is incomplete: {error!r}")
            return
        self.recorder.add(scenario, name, figures)

    def _unproven(self, one):
        if not one.marks:
            return "said nothing"
        return contenders.preload_failure(one.allocator, self.allocators, one.proof or (),
                                          one.marks[0].get("malloc"))


def make_context(build, source, is_quick):
    return lambda allocator: row.Context(build, source, is_quick, allocator)

"""The smallest memory limit under which a workload survives: what a pod costs."""

import sys
import time

from rss import cgroup, child
from rss.rounds import Progress

from . import plan, store, workloads

MB = plan.MB
STEP_MB = 8
MOST_MB = 16_384
# Who has next to no page cache left reads its own code from disk all the time,
# and is not killed: as good as dead.
SLOW = 2
LEAST_S = 20
# Whether it survives is seen in the first waves: all forms ask it of the quick one.
FORM = "quick"


def descend(survives, low, high, step):
    """A narrower range below `high`, in steps that double: what is far too little
    costs the most time, for a process dies slowly of it."""
    gap = max(step, high // 8 // step * step)
    while high - gap > low:
        if not survives(high - gap):
            return high - gap, high
        high, gap = high - gap, 2 * gap
    return low, high


def bisect(survives, low, high, step, most=MOST_MB):
    """The smallest multiple of `step` with survives(limit), to within a step;
    None where even `most` is too little. `low` is known to be too little, `high`
    is a guess."""
    while not survives(high):
        if high >= most:
            return None
        low, high = high, min(most, high + max(step, high // 4 // step * step))
    low, high = descend(survives, low, high, step)
    while high - low > step:
        middle = (low + (high - low) // 2) // step * step
        if middle <= low:
            middle = low + step
        if survives(middle):
            high = middle
        else:
            low = middle
    return high


def guess_mb(peak_bytes, heap_mb):
    """Where to begin: a little below what it took without a limit, for memory that
    was not needed goes back under pressure."""
    guess = 0.9 * peak_bytes / MB if peak_bytes else 3 * heap_mb
    return max(STEP_MB, int(guess) // STEP_MB * STEP_MB)


class Limits:
    def __init__(self, matrix):
        self.matrix = matrix
        self.store = matrix.store

    def _wanted(self):
        return [step for step in self.matrix.steps
                if step.number == 0 and not step.variant.is_aside
                and (self.matrix.form == "long" or step.workload.is_priced)]

    def run(self):
        """Bisects each workload on each variant once; of what has been, nothing."""
        why = cgroup.why_not()
        if why:
            print(f"no limits: {why}", file=sys.stderr)
            return
        wanted = [(step, store.fingerprint(step, FORM)) for step in self._wanted()]
        wanted = [(step, of) for step, of in wanted if not self.store.limit(step.key, of)]
        progress = Progress(step.workload.name for step, _ in wanted)
        for step, of in wanted:
            progress.begin(f"limit of {step.key}")
            start = time.monotonic()
            self.store.keep_limit(step.key, of, self._find(step))
            progress.done(step.workload.name, time.monotonic() - start)

    def _find(self, step):
        tried = {}

        def survives(limit_mb):
            tried[limit_mb] = self._survives(step, limit_mb * MB)
            return tried[limit_mb]

        peak = self.store.runs.get(step.key, {}).get("figures", {}).get("peak_bytes")
        # The heap is touched from the start: it cannot do with less.
        found = bisect(survives, step.workload.heap_mb // STEP_MB * STEP_MB,
                       guess_mb(peak, step.workload.heap_mb), STEP_MB)
        return {"limit_bytes": found and found * MB,
                "tried": {str(limit): tried[limit] for limit in sorted(tried)}}

    def _timeout_s(self, step):
        """By what it takes without a limit, in whatever form."""
        seconds = self.store.runs.get(step.key, {}).get("seconds")
        return max(LEAST_S, SLOW * seconds) if seconds else step.workload.timeout_s

    def _survives(self, step, nbytes):
        """Whether it comes to its end, in time and without help of the killer."""
        workload = step.workload
        scenario = workloads.scenario(workload, FORM, wanted=())
        with plan.scratch(self.store.folder) as folder, cgroup.limited(nbytes) as group:
            command = workloads.command(workload, step.jdk, step.variant, FORM,
                                        self.matrix.built, folder)
            one = child.Child(scenario, step.variant, plan.joined(group, command),
                              self._timeout_s(step))
            child.drive([one])
            return one.failure is None and group.kills() == 0

"""Where trimalloc wins and where it loses, by the figures alone."""

from dataclasses import dataclass
from typing import Optional

from rss.results import View
from rss.show import shown
from runner.allocators import SUBJECT

from .variants import is_aside

FAST = 0.97     # of the fastest allocator's throughput
ROUNDS = 4      # the fewest that can tell a difference in throughput
BUSY = 0.10     # of the CPUs, taken by others, from which on figures are doubtful


@dataclass(frozen=True)
class Question:
    name: str
    figures: tuple      # the first one that was measured counts
    form: str
    unit: str
    is_more_better: bool = False


SPEED = "throughput"
MEAN = "mean RSS"
QUESTIONS = (
    Question(SPEED, ("ops_per_s",), "count", " ops/s", True),
    Question(MEAN, ("mean_bytes",), "MB", " MB"),
    Question("RSS after idle", ("after30_bytes", "after5_bytes"), "MB", " MB"),
    Question("smallest limit", ("limit_bytes",), "MB", " MB"),
)


@dataclass(frozen=True)
class Verdict:
    """How trimalloc stands to the best of all others in one figure."""

    workload: str
    jdk: str
    question: Question
    own: Optional[float]        # None: it did not come to an end
    peer: str
    best: float
    overlaps: Optional[bool]    # do the rounds of both? None: of one round none can tell
    rounds: int                 # of both at least; 0: a limit has none

    @property
    def ratio(self):
        return None if self.own is None else self.own / self.best

    @property
    def wins(self):
        """Ahead of all others."""
        if self.own is None:
            return False
        return self.own > self.best if self.question.is_more_better else self.own < self.best

    @property
    def loses(self):
        if self.own is None:
            return True
        return self.ratio < FAST if self.question.is_more_better else self.own > self.best

    @property
    def may_be_chance(self):
        """The rounds meet, or there are few, and throughput is nothing to be told from
        few runs: one differs from the next by a tenth or more, and the best of seven
        others is the luckiest."""
        if self.own is None:
            return False
        return bool(self.overlaps) or (self.rounds < ROUNDS and self.question.is_more_better)

    @property
    def margin(self):
        """How far ahead, as a part of the other's; below zero behind."""
        ahead = self.ratio - 1
        return ahead if self.question.is_more_better else -ahead

    def sentence(self):
        question = self.question
        best = f"{self.peer} has {shown(self.best, question.form)}{question.unit}"
        if self.own is None:
            return f"{question.name}: none, for no run came to its end; {best}"
        doubt = {True: "; the rounds overlap", False: f"; {self.rounds} rounds" if self.rounds else "",
                 None: "; one round"}[self.overlaps]
        return (f"{question.name}: {shown(self.own, question.form)}{question.unit}, "
                f"{best}: {self.ratio:.2f} of it{doubt}")


def overlap(a, b):
    """Whether the ranges meet; None of less than two values on a side."""
    if min(len(a), len(b)) < 2:
        return None
    return min(a) <= max(b) and min(b) <= max(a)


def was_asked(view, figure):
    """A limit that nobody has looked for yet is not lost."""
    return figure != "limit_bytes" or bool(view.value(SUBJECT, "limits_tried"))


def judge(workload, jdk, question, view):
    """None where there is nothing to compare."""
    for figure in question.figures:
        peers = [name for name in view.measured_peers(figure) if not is_aside(name)]
        if not peers or not was_asked(view, figure):
            continue
        choose = max if question.is_more_better else min
        peer = choose(peers, key=lambda name: view.value(name, figure))
        own, others = view.values(SUBJECT, figure), view.values(peer, figure)
        is_bisected = figure == "limit_bytes"
        return Verdict(workload, jdk, question, view.value(SUBJECT, figure), peer,
                       view.value(peer, figure), not is_bisected and overlap(own, others),
                       0 if is_bisected else min(len(own), len(others)))
    return None


def of(groups):
    """[Verdict], by the groups of report.grouped(). A scenario in which trimalloc
    had no part, by the wish of who ran it, has none."""
    found = [judge(workload, jdk, question, View(list(variants), variants))
             for (workload, jdk), variants in groups.items() if SUBJECT in variants
             for question in QUESTIONS]
    return [verdict for verdict in found if verdict]

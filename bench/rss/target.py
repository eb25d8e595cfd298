"""Kinds of targets. Each judges the subject by the figures of one scenario.

judge(view) gives (verdict, details): True (met), False (missed) or None (not
judged; the details say why). `view` is a results.View.
"""

from runner.allocators import BASELINE, SUBJECT

from .show import shown


class AtMost:
    """A figure of the subject's, against a number."""

    def __init__(self, figure, limit, sentence, form):
        self.figure, self.limit, self.form = figure, limit, form
        self.sentence = sentence

    def judge(self, view):
        value = view.value(SUBJECT, self.figure)
        if value is None:
            return None, "it was not measured"
        return value <= self.limit, shown(value, self.form)


class NeverAbove(AtMost):
    """The same, in every round."""

    def judge(self, view):
        values = view.values(SUBJECT, self.figure)
        if not values:
            return None, "it was not measured"
        return max(values) <= self.limit, shown(max(values), self.form)


class PeerAtLeast:
    """A figure of a peer's, against a number: the load is hard enough."""

    def __init__(self, peer, figure, limit, sentence, form):
        self.peer, self.figure, self.limit, self.form = peer, figure, limit, form
        self.sentence = sentence

    def judge(self, view):
        value = view.value(self.peer, self.figure)
        if value is None:
            return None, "it was not measured"
        return value >= self.limit, shown(value, self.form)


class AtMostOf:
    """A figure of the subject's, against the same of one peer."""

    def __init__(self, figure, peer, limit, sentence, form):
        self.figure, self.peer, self.limit, self.form = figure, peer, limit, form
        self.sentence = sentence

    def judge(self, view):
        own, other = view.value(SUBJECT, self.figure), view.value(self.peer, self.figure)
        if own is None or other is None:
            return None, "it was not measured on both"
        return (own <= self.limit * other,
                f"{shown(own, self.form)}, {self.peer} {shown(other, self.form)}")


class LeastOfAll:
    """A figure of the subject's is below that of every peer."""

    def __init__(self, figure, sentence, form):
        self.figure, self.sentence, self.form = figure, sentence, form

    def judge(self, view):
        peers = view.measured_peers(self.figure)
        own = view.value(SUBJECT, self.figure)
        if own is None or not peers:
            return None, "no peer was measured"
        best = min(peers, key=lambda name: view.value(name, self.figure))
        least = view.value(best, self.figure)
        return own < least, f"{shown(own, self.form)}, {best} {shown(least, self.form)}"


class AtLeastOf:
    """A rate of the subject's, against one peer's, or without a peer's name
    against the best of all; the median of the rounds' ratios. The same by CPU
    time is said beside it: it tells a busy machine from a slow allocator."""

    def __init__(self, figure, limit, sentence, peer=None, cpu_figure=None):
        self.figure, self.limit, self.peer = figure, limit, peer
        self.cpu_figure = cpu_figure
        self.sentence = sentence

    def judge(self, view):
        peers = [self.peer] if self.peer else view.measured_peers(self.figure)
        ratios = {name: view.ratio(SUBJECT, name, self.figure) for name in peers}
        ratios = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        if not ratios:
            return None, "it was not measured on both"
        best = min(ratios, key=ratios.get)
        details = f"{ratios[best]:.2f} of {best}{self._by_cpu(view, best)}"
        return ratios[best] >= self.limit, details

    def _by_cpu(self, view, peer):
        ratio = view.ratio(SUBJECT, peer, self.cpu_figure)
        return "" if ratio is None else f", by CPU time {ratio:.2f}"


__all__ = ["AtLeastOf", "AtMost", "AtMostOf", "BASELINE", "LeastOfAll", "NeverAbove",
           "PeerAtLeast", "SUBJECT"]

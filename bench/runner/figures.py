"""Medians, ratios and means of what was measured."""

import math
import statistics

from . import allocators

IDLE = "idle"


def median_of(samples, figure):
    """The median over the rounds; None where it was not measured."""
    values = [sample[figure] for sample in samples if figure in sample]
    return statistics.median(values) if values else None


def spread_of(samples):
    """Median absolute deviation of the time, as a part of the median."""
    times = [sample["ns"] for sample in samples]
    middle = statistics.median(times)
    return statistics.median(abs(t - middle) for t in times) / middle


def geometric_mean(values):
    values = list(values)
    if not values or min(values) <= 0:
        return None
    return math.exp(sum(map(math.log, values)) / len(values))


class Figures:
    """Medians by benchmark and allocator, and what follows from them."""

    def __init__(self, rows, names, samples):
        self.rows = rows
        self.names = names  # of the allocators, the baseline first
        self.samples = samples
        self.medians = {row.name: self._medians(row) for row in rows}

    def _medians(self, row):
        medians = {}
        for name in self.names:
            samples = self.samples[row.name][name]
            if not samples:
                continue
            medians[name] = {figure: median_of(samples, figure) for figure in samples[0]}
            medians[name]["spread"] = spread_of(samples)
        return medians

    def value(self, row, name, figure):
        return self.medians[row.name].get(name, {}).get(figure)

    def ratio(self, row, name, figure, to=allocators.BASELINE):
        """The median of each round's ratio: the two ran within seconds of each
        other, so that a slow round slows both. None where either is missing."""
        by_allocator = self.samples[row.name]
        pairs = zip(by_allocator.get(name, []), by_allocator.get(to, []))
        ratios = [own[figure] / other[figure] for own, other in pairs
                  if figure in own and other.get(figure)]
        return statistics.median(ratios) if ratios else None

    def timed_rows(self, group=None):
        return [row for row in self.rows if row.group != IDLE
                and group in (None, row.group)]

    def whole_rows(self):
        """The timed rows that every allocator got through: the means are over
        the same rows for all."""
        return [row for row in self.timed_rows()
                if len(self.medians[row.name]) == len(self.names)]

    def mean(self, name, figure, rows=None, to=allocators.BASELINE):
        """Geometric mean of the ratios to `to`."""
        ratios = [self.ratio(row, name, figure, to)
                  for row in (self.whole_rows() if rows is None else rows)]
        return geometric_mean(r for r in ratios if r is not None)

    def peers(self):
        return [name for name in self.names if name != allocators.SUBJECT]

    def best_peer(self, row, figure="ns"):
        """The peer with the least of a figure in one row, or None."""
        measured = [name for name in self.peers()
                    if self.value(row, name, figure) is not None]
        return min(measured, key=lambda name: self.value(row, name, figure), default=None)

    def best_mean_peer(self, rows=None):
        """The peer with the best mean of time over the rows, or None."""
        measured = [name for name in self.peers() if self.mean(name, "ns", rows)]
        return min(measured, key=lambda name: self.mean(name, "ns", rows), default=None)

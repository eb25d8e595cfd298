"""Samples of all rounds, and the medians and ratios made of them."""

import statistics

from runner.allocators import SUBJECT


class View:
    """The figures of one scenario: {allocator: [figures of a round or None]}."""

    def __init__(self, names, rounds):
        self.names = names
        self.rounds = rounds

    def values(self, name, figure):
        return [figures[figure] for figures in self.rounds.get(name, [])
                if figures and figure in figures]

    def value(self, name, figure):
        """The median over the rounds; None where it was not measured."""
        values = self.values(name, figure)
        return statistics.median(values) if values else None

    def spread(self, name, figure):
        """Half of the way from the least to the largest, as a part of the median;
        None of fewer than two rounds."""
        values = self.values(name, figure)
        if len(values) < 2 or not self.value(name, figure):
            return None
        return (max(values) - min(values)) / 2 / self.value(name, figure)

    def ratio(self, name, to, figure):
        """The median of each round's ratio: the two ran one after the other, so
        that a slow round slows both. None where either is missing."""
        pairs = zip(self.rounds.get(name, []), self.rounds.get(to, []))
        ratios = [own[figure] / other[figure] for own, other in pairs
                  if own and other and figure in own and other.get(figure)]
        return statistics.median(ratios) if ratios else None

    def peers(self):
        return [name for name in self.names if name != SUBJECT]

    def measured_peers(self, figure):
        return [name for name in self.peers() if self.value(name, figure) is not None]


class Results:
    """Everything that was measured; a failure is kept beside what it cost."""

    def __init__(self, scenarios, names):
        self.scenarios = scenarios
        self.names = names
        self.rounds = {s.name: {name: [] for name in names} for s in scenarios}
        self.failures = []      # (scenario, allocator, why)
        self.skipped = {}       # {scenario: why}

    def add(self, scenario, name, figures):
        self.rounds[scenario.name][name].append(figures)

    def fail(self, scenario, name, why):
        """None keeps the rounds of all allocators side by side."""
        self.rounds[scenario.name][name].append(None)
        self.failures.append((scenario.name, name, why))

    def view(self, scenario):
        return View(self.names, self.rounds[scenario.name])

    def measured(self):
        """The scenarios that any allocator got through."""
        return [s for s in self.scenarios
                if any(any(r) for r in self.rounds[s.name].values())]

    def judge(self):
        """[(scenario, sentence, verdict, details)] of what was measured."""
        return [(scenario.name, target.sentence, *target.judge(self.view(scenario)))
                for scenario in self.measured() for target in scenario.targets]

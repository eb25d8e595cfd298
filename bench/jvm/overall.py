"""All scenarios together: a difference that the noise of a few runs hides shows in
the mean of many."""

import math
import statistics

from rss.results import View
from runner.allocators import SUBJECT
from runner.report import Table

from .variants import is_aside

COLUMNS = (     # figure, title
    ("ops_per_s", "ops/s"), ("ops_per_cpu_s", "ops/CPU s"), ("mean_bytes", "mean RSS"),
    ("peak_bytes", "peak RSS"), ("after1_bytes", "RSS 1 s after"),
    ("after5_bytes", "RSS 5 s after"), ("after30_bytes", "RSS 30 s after"),
    ("limit_bytes", "least limit"),
)
NOTE = (f"Geometric means over the scenarios of an allocator's medians by {SUBJECT}'s: ops above 1 "
        f"and memory below 1 where it is ahead of {SUBJECT}. ±: two standard errors of the mean, "
        "in which the scenarios' own differences are as well as chance.")


def ratios(views, name, figure):
    """Of each scenario from which both have the figure."""
    pairs = [(view.value(name, figure), view.value(SUBJECT, figure)) for view in views]
    return [other / own for other, own in pairs if other and own]


def mean(values):
    """(geometric mean, two standard errors as a part of it or None of one value)."""
    logs = [math.log(value) for value in values]
    error = None
    if len(logs) > 1:
        error = math.expm1(2 * statistics.stdev(logs) / math.sqrt(len(logs)))
    return math.exp(statistics.fmean(logs)), error


def cell(values):
    if not values:
        return "-"
    middle, error = mean(values)
    return f"{middle:.2f}" if error is None else f"{middle:.2f} ±{error:.0%}"


def table(groups, order):
    """A row for each other allocator; a column for each figure that was measured."""
    views = [View(list(variants), variants) for variants in groups.values()]
    found = {name: {figure: ratios(views, name, figure) for figure, _ in COLUMNS}
             for name in order if name != SUBJECT and not is_aside(name)}
    columns = [column for column in COLUMNS if any(row[column[0]] for row in found.values())]
    made = Table("All scenarios together", NOTE, ["allocator", *(title for _, title in columns)])
    for name, row in found.items():
        made.rows.append([name, *(cell(row[figure]) for figure, _ in columns)])
    return made

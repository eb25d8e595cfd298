"""The table of scenarios: what is run, when it is looked at, what is wanted.

A row names a program that prints marks (scenario.h), the readings that are
taken some time after a mark, the figures made of them, and the targets.
"""

import os
from dataclasses import dataclass, field
from typing import Callable

from .target import AtLeastOf, AtMost, BASELINE


@dataclass(frozen=True)
class Context:
    """What a command may depend on."""

    build: str          # the build folder
    source: str         # the top of the sources
    is_quick: bool
    allocator: object   # runner.allocators.Allocator


@dataclass(frozen=True)
class Reading:
    """Look at the process this long after a mark (its last one, of several).
    Gives NAME_bytes and own_NAME_bytes."""

    name: str
    mark: str
    after_s: float = 0.0
    with_switches: bool = False     # count context switches: reads each thread


@dataclass(frozen=True)
class Column:
    """A figure in the scenario's table; `form` is one of show.FORMS."""

    figure: str
    title: str
    form: str


def no_more(_sample, _figures):
    return {}


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str                      # of the chart and of the table
    command: Callable               # Context -> the arguments, program first
    readings: tuple
    columns: tuple
    targets: tuple = ()
    # (Sample, common figures) -> more figures
    derive: Callable = no_more
    timeout_s: float = 120
    # All allocators at the same time: for those that mostly wait.
    is_parallel: bool = False
    # Why it cannot run here, or None: Context -> str
    why_not: Callable = field(default=lambda _context: None)


def program(name, *arguments, quick=None):
    """A C scenario; `quick` are the arguments of a quick run."""
    def command(context):
        chosen = quick if context.is_quick and quick is not None else arguments
        return [os.path.join(context.build, "bench", "rss", name), *map(str, chosen)]
    return command


## burst

REST = Reading("rest", "freed", 2.0)


def burst_figures(sample, figures):
    asked = sample.mark("peak")["asked_bytes"]
    return {
        "rest_part": figures["own_rest_bytes"] / figures["own_peak_bytes"],
        "whole_rest_part": figures["rest_bytes"] / figures["peak_bytes"],
        "peak_per_asked": figures["own_peak_bytes"] / asked,
    }


BURST_COLUMNS = (
    Column("base_bytes", "start MB", "MB"),
    Column("own_peak_bytes", "peak MB", "MB"),
    Column("peak_per_asked", "peak : asked", "ratio"),
    Column("own_rest_bytes", "2 s later MB", "MB"),
    Column("rest_part", "of peak", "part"),
    Column("whole_rest_part", "of peak, whole process", "part"),
    Column("ops_per_s", "ops/s", "rate"),
    Column("ops_per_cpu_s", "ops/CPU s", "rate"),
    Column("helper_cpu_s", "helper CPU s", "s"),
)

AFTER_BURST = AtMost("rest_part", 0.03, "2 s after the last free at most 3 % of the peak", "part")
TIGHT_PEAK = AtMost("peak_per_asked", 1.10, "peak at most 1.10 of the bytes asked for", "ratio")
THROUGHPUT = AtLeastOf("ops_per_s", 0.97, "throughput at least 0.97 of the best peer's")


def burst(name, title, *arguments, targets=(AFTER_BURST,)):
    return Scenario(name, title, program("burst", *arguments), (REST,), BURST_COLUMNS,
                    targets, burst_figures)


## fragments

def fragments_figures(sample, figures):
    live = sample.mark("freed")["live_bytes"]
    return {
        "live_bytes": live,
        "rest_per_live": figures["own_rest_bytes"] / live,
        "whole_rest_per_live": figures["rest_bytes"] / live,
        "peak_per_asked": figures["own_peak_bytes"] / sample.mark("peak")["asked_bytes"],
    }


FRAGMENTS_COLUMNS = (
    Column("base_bytes", "start MB", "MB"),
    Column("own_peak_bytes", "peak MB", "MB"),
    Column("peak_per_asked", "peak : asked", "ratio"),
    Column("live_bytes", "live MB", "MB"),
    Column("own_rest_bytes", "3 s later MB", "MB"),
    Column("rest_per_live", "rest : live", "ratio"),
    Column("whole_rest_per_live", "of the whole process", "ratio"),
    Column("ops_per_s", "ops/s", "rate"),
    Column("ops_per_cpu_s", "ops/CPU s", "rate"),
    Column("helper_cpu_s", "helper CPU s", "s"),
)


SCENARIOS = (
    burst("burst", "400 threads allocate 2 MB each, free it, and idle",
          targets=(AFTER_BURST, TIGHT_PEAK, THROUGHPUT)),
    burst("burst_busy", "The same burst, while one thread goes on calling malloc and free",
          "--busy", 1),
    burst("burst_foreign", "The same burst, but other threads free", "--foreign", 1),
    burst("burst_exit", "The same burst, but the threads end after freeing", "--exit", 1),
    Scenario(
        "fragments", "1 GB of 16 to 2,048 bytes by 8 threads, a random 95 % freed",
        program("fragments"), (Reading("rest", "freed", 3.0),), FRAGMENTS_COLUMNS,
        (AtMost("rest_per_live", 3.8, "3 s after the last free at most 3.8 times the live bytes",
                "ratio"), TIGHT_PEAK),
        fragments_figures),
)

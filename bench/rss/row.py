"""What a row of the table of scenarios is made of."""

import os
import sys
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Context:
    """What a command may depend on."""

    build: str          # the build folder
    source: str         # the top of the sources
    is_quick: bool
    allocator: object   # runner.allocators.Allocator


@dataclass(frozen=True)
class Reading:
    """Look at the process this long after a mark; of several marks of this name,
    after the last one. Gives NAME_bytes and own_NAME_bytes."""

    name: str
    mark: str
    after_s: float = 0.0
    with_switches: bool = False     # count context switches: reads each thread


@dataclass(frozen=True)
class Column:
    """A figure in the scenario's table; `form` is one of show.FORMS. With the
    spread, how far the rounds lie apart is shown beside the median."""

    figure: str
    title: str
    form: str
    with_spread: bool = False


def no_figures(_sample, _figures):
    return {}


def always(_context):
    return None


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str                      # of the chart and of the table
    command: Callable               # Context -> the arguments, program first
    readings: tuple
    columns: tuple
    targets: tuple = ()
    # (Sample, common figures) -> more figures
    derive: Callable = no_figures
    timeout_s: float = 120
    # All allocators at the same time: for those that mostly wait.
    is_parallel: bool = False
    # What the load will touch: the machine is made to find that much memory
    # before, so that it is no slower for whoever comes first.
    warm_bytes: int = 0
    # Context -> why it cannot run here, or None
    why_not: Callable = always


def program(name, *arguments, quick=None):
    """A scenario in C; `quick` are the arguments of a quick run."""
    def command(context):
        chosen = quick if context.is_quick and quick is not None else arguments
        return [os.path.join(context.build, "bench", "rss", name), *map(str, chosen)]
    return command


def confined(factor, name, *arguments, quick=None):
    """A scenario in C in a memory cgroup whose limit is so many times what it
    has alive at most (bench/rss/confined); 0 is no limit."""
    plain = program(name, *arguments, quick=quick)

    def command(context):
        script = os.path.join(context.source, "bench", "rss", "confined")
        return [sys.executable, script, str(factor), *plain(context)]
    return command

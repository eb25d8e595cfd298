"""Counts the instructions of malloc and free with valgrind's callgrind.

Callgrind does not replace malloc (memcheck and massif do): the preloaded
library's own code runs, and the probe says so.
"""

import re
import shutil
import subprocess

N = 20_000
# Of the empty functions that stand for malloc and free: their `ret`s, which
# malloc and free have as well.
INSTRUCTIONS_OF_EMPTY_PAIR = 2


class CountFailed(Exception):
    """Why there is no count."""


def missing_tool():
    """Why nothing can be counted, or None."""
    return None if shutil.which("valgrind") else "valgrind is missing"


def collected(probe, allocator, arguments):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               probe, *map(str, arguments)]
    run = subprocess.run(command, env=allocator.environment(), check=False,
                         capture_output=True, text=True)
    count = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode != 0 or not count:
        raise CountFailed(f"the probe failed on {allocator.name}: "
                          + (run.stderr.strip().splitlines() or ["no message"])[-1])
    if not allocator.is_library(run.stdout.strip()):
        raise CountFailed(f"malloc came from {run.stdout.strip()}, "
                          f"not from {allocator.name}")
    return int(count.group(1))


def per_iteration(probe, allocator, mode, kind, size):
    """Of N more iterations: what happens once, at the start, drops out."""
    once = collected(probe, allocator, (mode, kind, size, N))
    twice = collected(probe, allocator, (mode, kind, size, 2 * N))
    return (twice - once) / N


def count_callers_part(probe, allocator, mode):
    """What the probe itself does per iteration."""
    return per_iteration(probe, allocator, mode, "empty", 1) - INSTRUCTIONS_OF_EMPTY_PAIR


def count_pair(probe, allocator, mode, size, callers_part):
    """Instructions between malloc's first and its `ret`, and the same of free."""
    return per_iteration(probe, allocator, mode, "real", size) - callers_part

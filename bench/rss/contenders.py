"""The allocators of a run: those of bench/run, and two of them tuned to give
memory back."""

import os

from runner.allocators import Allocator, BASELINE, find_all

# Name, the allocator it is a variant of, what is different.
TUNED = (
    ("glibc-arenas2", BASELINE, {"MALLOC_ARENA_MAX": "2"}),
    ("jemalloc-tuned", "jemalloc", {
        "MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"}),
)


def with_variants(found):
    """Each variant right behind what it is a variant of."""
    out = []
    for allocator in found:
        out.append(allocator)
        out += [Allocator(name, allocator.path, allocator.version, variables)
                for name, base, variables in TUNED if base == allocator.name]
    return out


def find(subject_path, peers, variables):
    """(allocators, lines about those that are missing)."""
    found, missing = find_all(subject_path, peers, variables)
    return with_variants(found), missing


def preload_failure(allocator, everyone, mapped, malloc_path):
    """Why the preload did not take effect, or None. A program in C says which
    file malloc is from; of others, the files that are mapped tell."""
    if malloc_path is not None:
        if allocator.is_library(malloc_path):
            return None
        return f"malloc came from {malloc_path}: the preload did not take effect"
    files = {os.path.realpath(path) for path in mapped}
    own = os.path.realpath(allocator.path) if allocator.path else None
    foreign = {os.path.realpath(other.path) for other in everyone if other.path} - {own}
    for path in sorted(foreign & files):
        return f"{path} is mapped, too"
    if own and own not in files:
        return f"{own} is not mapped: the preload did not take effect"
    return None

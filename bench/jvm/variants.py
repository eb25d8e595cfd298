"""What each workload runs on: an allocator, its variables, options of the JVM."""

import os
from dataclasses import dataclass

from rss import contenders
from rss.jvm.program import STRANGE
from runner.allocators import BASELINE, SUBJECT

TRIM = "-XX:TrimNativeHeapInterval=1000"
LEDGER = "ideal"
BILL = "bill"
ASIDES = (LEDGER, BILL)
# One arena that grows by brk alone, and no thread caches: see Ledger.java.
LEDGER_TUNABLES = ("glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:"
                   "glibc.malloc.mmap_max=0")


@dataclass(frozen=True)
class Variant:
    """Stands in for runner.allocators.Allocator."""

    name: str
    allocator: object
    jvm_options: tuple = ()
    more_variables: tuple = ()
    settings: tuple = ()        # of the workload

    @property
    def is_aside(self):
        """Whether its run explains the others' figures, and has no part in comparisons."""
        return bool(self.settings)

    def explains(self, chosen):
        """Whether any of them. The ideal is everybody's."""
        return self.name == LEDGER or self.allocator in [one.allocator for one in chosen]

    @property
    def path(self):
        return self.allocator.path

    @property
    def version(self):
        return self.allocator.version

    @property
    def variables(self):
        return {**self.allocator.variables, **dict(self.more_variables)}

    def environment(self):
        inherited = {key: value for key, value in self.allocator.environment().items()
                     if key == "LD_PRELOAD" or not STRANGE.match(key)}
        return {**inherited, **dict(self.more_variables)}

    def about(self):
        return {"version": self.version, "path": self.path and os.path.basename(self.path),
                "variables": self.variables, "jvm_options": list(self.jvm_options)}


def with_trim(found):
    """glibc asked for malloc_trim each second by the JVM, behind its other forms."""
    out = []
    for allocator in found:
        out.append(Variant(allocator.name, allocator))
        if allocator.name == "glibc-arenas2":
            out.append(Variant("glibc-trim", found[0], (TRIM,)))
    return out


def ledger(baseline):
    return Variant(LEDGER, baseline, ("-XX:NativeMemoryTracking=summary",),
                   (("GLIBC_TUNABLES", LEDGER_TUNABLES),), ("ledger=1",))


def bill(subject):
    return Variant(BILL, subject, settings=("bill=1",))


def find(subject_path, peers, variables):
    """([variants], [those aside], lines about what is missing)."""
    found, missing = contenders.find(subject_path, peers, variables)
    asides = [ledger(found[0]), *(bill(one) for one in found if one.name == SUBJECT)]
    return with_trim(found), asides, missing


__all__ = ["ASIDES", "BASELINE", "BILL", "LEDGER", "SUBJECT", "Variant", "find"]

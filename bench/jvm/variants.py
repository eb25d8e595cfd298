"""What each workload runs on: an allocator, its variables, options of the JVM."""

import os
from dataclasses import dataclass, replace

from rss import contenders
from rss.jvm.program import STRANGE
from runner.allocators import BASELINE, SUBJECT

TRIM = "-XX:TrimNativeHeapInterval=1000"
LEDGER = "ideal"
BILL = "bill"
COST = "cost-"      # and whose
# One arena that grows by brk alone, and no thread caches: see Ledger.java.
LEDGER_TUNABLES = ("glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:"
                   "glibc.malloc.mmap_max=0")


def cost_name(allocator):
    return COST + allocator


def is_cost(name):
    return name.startswith(COST)


def is_aside(name):
    """Whether runs of that name explain the others' figures, and have no part in
    comparisons."""
    return name in (LEDGER, BILL) or is_cost(name)


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
        return is_aside(self.name)

    @property
    def is_sampled(self):
        """By perf, whose own malloc stays libc's."""
        return is_cost(self.name)

    def explains(self, chosen):
        """Whether any of them. The ideal is everybody's."""
        if self.is_sampled:
            return self.name in [cost_name(one.name) for one in chosen]
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
        if self.is_sampled:
            inherited.pop("LD_PRELOAD", None)
        return {**inherited, **dict(self.more_variables)}

    @property
    def preload(self):
        return {"LD_PRELOAD": self.path} if self.path else {}

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


def cost(variant):
    return replace(variant, name=cost_name(variant.name))


def find(subject_path, peers, variables):
    """([variants], [those aside], lines about what is missing)."""
    found, missing = contenders.find(subject_path, peers, variables)
    asides = [ledger(found[0]), *(bill(one) for one in found if one.name == SUBJECT)]
    made = with_trim(found)
    return made, [*asides, *(cost(one) for one in made)], missing


__all__ = ["BASELINE", "BILL", "LEDGER", "SUBJECT", "Variant", "cost_name", "find", "is_aside",
           "is_cost"]

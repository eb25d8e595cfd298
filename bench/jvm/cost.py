"""What malloc cost while each scenario ran, by samples of the process."""

from rss.show import shown
from runner.allocators import SUBJECT
from runner.report import Table

from .samples import HERTZ, PARTS
from .variants import cost_name

TITLES = {"library": "in malloc's code", "faults": "page faults", "calls": "memory calls"}
NOTE = ("CPU seconds of the load, of a run of its own that perf looks at "
        f"{HERTZ} times a second of CPU time. *Memory calls* are the kernel's work in madvise, mmap, "
        "munmap, mremap, mprotect, brk and membarrier, and in the interrupts that come of them. Faults and calls "
        "are those of the whole process, the JVM's own and mapped files' among them: what they "
        "and malloc's code take together is the most that an allocator which costs nothing "
        "could save, cache misses in the program's own code aside. Of the others the sum stands here, of the same work.")


def of(variants, allocator=SUBJECT):
    """{part: CPU seconds}, "all" of them; None where it was not measured."""
    found = next(iter(variants.get(cost_name(allocator), [])), None)
    return found and {part: found[f"cost_{part}_s"] for part in (*PARTS, "all")}


def total_s(cost):
    return sum(cost[part] for part in PARTS)


def share(variants):
    """Of trimalloc's CPU seconds, at most; None where it was not measured."""
    cost = of(variants)
    return cost and cost["all"] and total_s(cost) / cost["all"]


def sentence(variants):
    cost = of(variants)
    if not share(variants):
        return ""
    words = ", ".join(f"{TITLES[part]} {cost[part] / cost['all']:.1%}" for part in PARTS)
    return (f"Malloc, page faults and memory calls take {share(variants):.1%} of its CPU time at "
            f"most ({words}): if they cost nothing, it would be {1 / (1 - share(variants)):.2f} of "
            "what it is")


def explains(verdict, variants):
    """Whether more is lost than an allocator that costs nothing would win back."""
    part = share(variants)
    return bool(part) and verdict.ratio is not None and verdict.ratio < 1 - part


def table(groups, order):
    others = [name for name in order if name != SUBJECT
              and any(of(variants, name) for variants in groups.values())]
    made = Table("What malloc cost", NOTE, [
        "scenario", "all", *(TITLES[part] for part in PARTS), "together", "of all, at most",
        *(f"{name}, together" for name in others)])
    for (workload, jdk), variants in groups.items():
        cost = of(variants)
        if cost:
            theirs = (of(variants, name) for name in others)
            made.rows.append([
                f"{workload} on {jdk}",
                *(shown(cost[part], "s") for part in ("all", *PARTS)), shown(total_s(cost), "s"),
                f"{share(variants):.1%}",
                *(shown(one and total_s(one), "s") for one in theirs)])
    return made

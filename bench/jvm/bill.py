"""What trimalloc's memory was while each scenario ran, by its own bill."""

from rss.show import shown
from runner.report import Table

from .figures import PARTS
from .variants import BILL, LEDGER

TITLES = {
    "jvm": "the JVM's own", "allocated": "with the program", "cached": "in thread caches",
    "shelved": "on shelves", "slab_free": "free in slabs", "dirty": "free pages",
    "metadata": "records",
}
# What malloc keeps beside the program's blocks.
KEPT = [part for part in PARTS if part not in ("jvm", "allocated")]
NOTE = ("Resident MB in the mean of the load, of a run of its own that looks five times a second. "
        "The JVM's own is what it maps by itself: heap, code, stacks, files. Blocks in thread "
        "caches, on shelves and in slabs are free; free pages were in use at once within the last "
        "ticks, or wait for the next one. *Untouched* is what the parts count and nobody has written "
        "to: it is not resident. The last column is everything that is not the JVM's own or with "
        "the program, by all that is resident: at most, for some of it may be untouched.")


def found(variants, aside):
    """The figures of that run aside; None where there was none."""
    return next(iter(variants.get(aside, [])), None) or None


def kept(bill):
    """Bytes that are neither the JVM's own nor with the program."""
    return sum(bill[f"bill_{part}_bytes"] for part in KEPT)


def table(groups):
    made = Table("What the memory was", NOTE, [
        "scenario", "resident", *(TITLES[part] for part in PARTS), "untouched", "malloc's share, at most"])
    for (workload, jdk), variants in groups.items():
        bill = found(variants, BILL)
        if bill:
            made.rows.append([
                f"{workload} on {jdk}", shown(bill["bill_rss_bytes"], "MB"),
                *(shown(bill[f"bill_{part}_bytes"], "MB") for part in (*PARTS, "untouched")),
                f"{kept(bill) / bill['bill_rss_bytes']:.1%}"])
    return made


def ideal_words(variants):
    ideal = found(variants, LEDGER)
    return f"; the ideal is {shown(ideal['ideal_mean_bytes'], 'MB')} MB" if ideal else ""


def sentence(variants):
    """What the mean of trimalloc's resident memory was, for a reader who asks why it is
    not less; nothing where it is not known."""
    bill = found(variants, BILL)
    if not bill:
        return ""

    def words(part):
        return f"{shown(bill[f'bill_{part}_bytes'], 'MB')} MB {TITLES[part]}"

    parts = sorted(KEPT, key=lambda part: -bill[f"bill_{part}_bytes"])
    return (f"Of {shown(bill['bill_rss_bytes'], 'MB')} MB: {words('jvm')}, {words('allocated')}; "
            f"{', '.join(words(part) for part in parts[:3])}, "
            f"with the rest {kept(bill) / bill['bill_rss_bytes']:.1%} at most"
            f"{ideal_words(variants)}")

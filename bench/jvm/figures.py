"""The figures of a run, of the marks and readings that it left."""

from rss import sample

SECOND_NS = 1_000_000_000
MEMORY = "memory"
BILL = "bill"
# Of the bill: pages of slabs that were given back are in none of them.
PARTS = ("jvm", "allocated", "cached", "shelved", "slab_free", "dirty", "metadata")


def of(marks, readings, series):
    """Bytes are resident memory of the whole process: that is what a pod costs.
    The mean is that of the load and the pauses in it."""
    seen = sample.Sample(marks, readings, series)
    begun, loaded, last = readings["begun"], readings["loaded"], seen.last_reading
    figures = {
        "base_bytes": seen.base_bytes,
        "peak_bytes": seen.peak_bytes,
        "mean_bytes": seen.mean_bytes(seen.mark("start")["t_ns"], seen.mark("result")["t_ns"]),
        "cpu_s": last["cpu_s"] - begun["cpu_s"],
        "load_cpu_s": loaded["cpu_s"] - begun["cpu_s"],
        "helper_cpu_s": last["helper_cpu_s"] - begun["helper_cpu_s"],
        "minor_faults": loaded["minor_faults"] - begun["minor_faults"],
    }
    figures.update({f"{name}_bytes": reading["rss_bytes"] for name, reading in readings.items()
                    if name.startswith("after")})
    figures.update(sample.numbers(seen.mark("result")))
    return figures


def ideal(marks):
    """What no allocator could do without, by the marks of the ledger's run: in the
    mean of the load, at most, and when all was dropped."""
    seen = sample.Sample(marks, {}, [])
    start, result, rest = (seen.mark(name)["t_ns"] for name in ("start", "result", "rest"))
    curve = [(mark["t_ns"], mark["touched_bytes"] + mark["live_bytes"] + mark["file_bytes"])
             for mark in seen.all_marks(MEMORY)]
    after = [size for t_ns, size in curve if t_ns >= rest]
    seen.series = curve
    return {
        "ideal_mean_bytes": seen.mean_bytes(start, result),
        "ideal_peak_bytes": max(size for t_ns, size in curve if t_ns >= start),
        "ideal_rest_bytes": after[-1],
        "committed_bytes": max(mark["committed_bytes"] for mark in seen.all_marks(MEMORY)),
        "live_peak_bytes": max(mark["live_bytes"] for mark in seen.all_marks(MEMORY)
                               if mark["t_ns"] >= start),
    }


def mean(curve):
    """Of [(t_ns, value)]: the area under it, by its width."""
    return sample.Sample([], {}, curve).mean_bytes(curve[0][0], curve[-1][0])


def bill(marks):
    """What trimalloc's memory was, in the mean of the load and when all was dropped: by
    the marks of the bill's run. `jvm` is what malloc has nothing to do with. What the
    program never wrote to is in one of the parts and in `untouched`, and not resident."""
    seen = sample.Sample(marks, {}, [])
    start, result = (seen.mark(name)["t_ns"] for name in ("start", "result"))
    bills = [{**mark, "jvm_bytes": mark["rss_bytes"] - mark["resident_bytes"]
                                   - mark["metadata_bytes"]} for mark in seen.all_marks(BILL)]
    found = {}
    for part in (*PARTS, "untouched", "rss"):
        loaded = [(one["t_ns"], one[f"{part}_bytes"]) for one in bills
                  if start <= one["t_ns"] <= result]
        found[f"bill_{part}_bytes"] = mean(loaded)
        found[f"bill_rest_{part}_bytes"] = bills[-1][f"{part}_bytes"]
    return found


def waste(figures, ideals):
    """Resident bytes beyond the ideal; nothing where either is missing."""
    pairs = (("mean_bytes", "ideal_mean_bytes", "mean_waste_bytes"),
             ("peak_bytes", "ideal_peak_bytes", "peak_waste_bytes"),
             ("after5_bytes", "ideal_rest_bytes", "rest_waste_bytes"))
    return {name: figures[own] - ideals[best] for own, best, name in pairs
            if own in figures and best in ideals}

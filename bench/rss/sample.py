"""What was seen of one run, and the figures that every scenario has.

"own" bytes are the allocator's: resident memory less what the same process had
when its threads ran and nothing was allocated yet (the mark "start").
"""


class Sample:
    """Marks and readings as child.py brings them home."""

    def __init__(self, marks, readings, series):
        self.marks = marks
        self.readings = readings
        self.series = series        # (t_ns, rss_bytes)

    def all_marks(self, name):
        return [mark for mark in self.marks if mark["mark"] == name]

    def mark(self, name):
        """The first mark of this name; KeyError if there is none."""
        for mark in self.marks:
            if mark["mark"] == name:
                return mark
        raise KeyError(name)

    @property
    def base_bytes(self):
        return self.mark("start")["rss_bytes"]

    @property
    def peak_bytes(self):
        return max(reading["peak_bytes"] for reading in self.readings.values())

    @property
    def last_reading(self):
        return max(self.readings.values(), key=lambda reading: reading["t_ns"])

    def mean_bytes(self, from_ns, to_ns):
        """The area under the curve of resident memory, by its width."""
        inside = [(t, size) for t, size in self.series if from_ns <= t <= to_ns]
        area = sum((size + other) / 2 * (then - t)
                   for (t, size), (then, other) in zip(inside, inside[1:]))
        return area / (inside[-1][0] - inside[0][0])


def numbers(mark):
    """A mark's own figures."""
    return {name: value for name, value in mark.items()
            if name not in ("mark", "t_ns", "rss_bytes")}


def common_figures(sample):
    base = sample.base_bytes
    last = sample.last_reading
    load_cpu_s = last["cpu_s"] - last["helper_cpu_s"]
    figures = {
        "base_bytes": base,
        "peak_bytes": sample.peak_bytes,
        "own_peak_bytes": sample.peak_bytes - base,
        "cpu_s": last["cpu_s"],
        "helper_cpu_s": last["helper_cpu_s"],
        "helper_part": last["helper_cpu_s"] / load_cpu_s if load_cpu_s else 0.0,
        "minor_faults": last["minor_faults"],
    }
    for name, reading in sample.readings.items():
        figures[f"{name}_bytes"] = reading["rss_bytes"]
        figures[f"own_{name}_bytes"] = reading["rss_bytes"] - base
    for mark in sample.all_marks("result"):
        figures.update(numbers(mark))
    return figures

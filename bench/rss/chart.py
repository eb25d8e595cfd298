#!/usr/bin/python3
"""chart.py -- draws the curves of each scenario: chart.py FOLDER [SCENARIO...]

Reads results.json and the CSV files of FOLDER, writes SCENARIO.svg and
SCENARIO.png, and says the names of the scenarios that it drew. A program of its
own, for Debian's matplotlib belongs to Debian's Python.
"""

import csv
import json
import os
import re
import sys

MB = 1e6

# Colours that people with colour blindness can tell apart (Okabe and Ito), and
# the brighter ones for a dark ground. A tuned variant has its base's, dashed.
COLOURS = {
    "glibc": ("#d55e00", "#ff8a3d"),
    "jemalloc": ("#a8488a", "#e08ac4"),
    "tcmalloc": ("#b07d00", "#e6b422"),
    "mimalloc": ("#00805d", "#2ec49b"),
    "trimalloc": ("#0072b2", "#58b8f0"),
}
OTHERS = ("#6e7781", "#8b949e")
GROUND = ("#ffffff", "#0d1117")
INK = ("#1f2328", "#e6edf3")
FAINT = ("#59636e", "#9198a1")
GRID = ("#d8dee4", "#30363d")
SUBJECT = "trimalloc"


def colours_of(name):
    return COLOURS.get(name.split("-")[0], OTHERS)


def dashes_of(name):
    """A base's variants differ by their dashes."""
    if "-" not in name:
        return (None, None)
    return (1, 1.2) if name.endswith("-trim") else (3, 1.5)


def read_curve(path):
    """([seconds], [MB])."""
    with open(path, encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    return ([float(row["t_s"]) for row in rows],
            [int(row["rss_bytes"]) / MB for row in rows])


def read_curves(folder, scenario, names):
    """{allocator: [curve of each round]}."""
    pattern = re.compile(re.escape(scenario) + r"\.([^.]+)\.(\d+)\.csv")
    curves = {}
    for file in sorted(os.listdir(folder)):
        found = pattern.fullmatch(file)
        if found and found.group(1) in names:
            curves.setdefault(found.group(1), []).append(
                read_curve(os.path.join(folder, file)))
    return {name: curves[name] for name in names if name in curves}


def label_places(values, gap):
    """Where labels go so that none is nearer than `gap` to another: each at its
    value or above."""
    places, last = {}, None
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        place = value if last is None else max(value, last + gap)
        places[name] = last = place
    return places


def draw_curves(axes, curves):
    """Every round thin, the first one over them."""
    for name, rounds in curves.items():
        colour = colours_of(name)[0]
        dashes = dashes_of(name)
        width = 2.4 if name == SUBJECT else 1.5
        for seconds, sizes in rounds[1:]:
            axes.plot(seconds, sizes, color=colour, linewidth=0.5, dashes=dashes, zorder=2)
        axes.plot(*rounds[0], color=colour, linewidth=width, dashes=dashes, zorder=3)


def draw_labels(axes, curves, top):
    """Each curve's name and last value, at the right of the axes."""
    last = {name: rounds[0][1][-1] for name, rounds in curves.items()}
    for name, place in label_places(last, top / 18).items():
        axes.annotate(f"{name}  {last[name]:.0f}", (1.01, place),
                      xycoords=("axes fraction", "data"), va="center", fontsize=9,
                      color=colours_of(name)[0], annotation_clip=False,
                      weight="bold" if name == SUBJECT else "normal")


def dress(axes, title, top):
    axes.set_title(title, loc="left", color=INK[0], fontsize=11)
    axes.set_xlabel("seconds since the threads were started", color=INK[0])
    axes.set_ylabel("resident memory (MB)", color=INK[0])
    axes.set_ylim(0, top * 1.05)
    axes.margins(x=0.01)
    axes.grid(axis="y", color=GRID[0], linewidth=0.8)
    axes.tick_params(colors=FAINT[0], labelcolor=INK[0])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT[0])


def figure_of(pyplot, title, curves):
    figure, axes = pyplot.subplots(figsize=(9.6, 4.8), facecolor=GROUND[0])
    axes.set_facecolor(GROUND[0])
    top = max(max(sizes) for rounds in curves.values() for _, sizes in rounds)
    draw_curves(axes, curves)
    draw_labels(axes, curves, top)
    dress(axes, title, top)
    figure.subplots_adjust(left=0.08, right=0.82, top=0.92, bottom=0.12)
    return figure


def two_schemes(svg):
    """Adds the colours for a dark ground. The drawing itself stays as it is, on
    its light ground, for readers that know no style sheets."""
    rules = []
    for light, dark in [GROUND, INK, FAINT, GRID, OTHERS, *COLOURS.values()]:
        for part in ("fill", "stroke"):
            rules.append(f'[style*="{part}: {light}"]{{{part}:{dark}!important}}')
    sheet = f"<style>@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>"
    return re.sub(r"(<svg[^>]*>)", lambda head: head.group(1) + "\n" + sheet, svg, count=1)


def write_chart(pyplot, folder, scenario, title, curves):
    figure = figure_of(pyplot, title, curves)
    path = os.path.join(folder, scenario)
    figure.savefig(path + ".png", dpi=160)
    # Without a date, so that the same curves give the same file.
    figure.savefig(path + ".svg", metadata={"Date": None})
    pyplot.close(figure)
    with open(path + ".svg", encoding="utf-8") as file:
        svg = two_schemes(file.read())
    with open(path + ".svg", "w", encoding="utf-8") as file:
        file.write(svg)


def load_pyplot():
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel
    except ImportError:
        sys.exit("chart.py: no charts without matplotlib (Debian: python3-matplotlib)")
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "rss",
                                "font.family": "sans-serif"})
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    return pyplot


def main():
    folder, *wanted = sys.argv[1:]
    with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
        results = json.load(file)
    pyplot = load_pyplot()
    for scenario, about in results["scenarios"].items():
        curves = read_curves(folder, scenario, list(results["allocators"]))
        if curves and (not wanted or scenario in wanted):
            write_chart(pyplot, folder, scenario, about["title"], curves)
            print(scenario)


if __name__ == "__main__":
    main()

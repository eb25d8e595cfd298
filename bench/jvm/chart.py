#!/usr/bin/python3
"""chart.py -- draws what bench/jvm/run measured: chart.py FOLDER

Reads results.json and the CSV files of FOLDER and writes to FOLDER/pictures, as
SVG and as PNG: WORKLOAD.JDK.rss, resident memory over time; WORKLOAD.JDK.trade,
throughput against mean resident memory; limits.JDK, the smallest limits. Says the
names of what it drew. A program of its own, for Debian's matplotlib belongs to
Debian's Python.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from jvm import report  # noqa: E402
from jvm.variants import LEDGER, is_aside  # noqa: E402
from rss import chart as base  # noqa: E402
from rss.results import View  # noqa: E402

MB = base.MB
BUCKETS = 150       # of a curve: more points than that cannot be seen
COLUMNS = 3         # of panels beside each other
OFFSETS = ((7, 0, "left"), (-7, 0, "right"), (0, 10, "center"), (0, -10, "center"),
           (7, 10, "left"), (7, -10, "left"), (-7, 10, "right"), (-7, -10, "right"),
           (7, 20, "left"), (7, -20, "left"), (-7, 20, "right"), (-7, -20, "right"),
           (7, 30, "left"), (7, -30, "left"))


## Curves

def thinned(seconds, sizes, buckets=BUCKETS):
    """The least and the largest of each bucket, from the start of the load on."""
    points = [point for point in zip(seconds, sizes) if point[0] >= 0]
    if len(points) <= 2 * buckets:
        return [p[0] for p in points], [p[1] for p in points]
    kept = set()
    for i in range(buckets):
        part = range(i * len(points) // buckets, (i + 1) * len(points) // buckets)
        kept.add(min(part, key=lambda at: points[at][1]))
        kept.add(max(part, key=lambda at: points[at][1]))
    chosen = [points[at] for at in sorted(kept)]
    return [p[0] for p in chosen], [p[1] for p in chosen]


def read_curves(folder, workload, jdk, names):
    """{allocator: [curve of each round]}"""
    pattern = re.compile(re.escape(f"{workload}.{jdk}.") + r"([^.]+)\.(\d+)\.csv")
    curves = {}
    for file in sorted(os.listdir(folder)):
        found = pattern.fullmatch(file)
        if found and found.group(1) in names:
            curve = thinned(*base.read_curve(os.path.join(folder, file)))
            if curve[0]:
                curves.setdefault(found.group(1), []).append(curve)
    return {name: curves[name] for name in names if name in curves}


def are_all_there(curves, variants):
    """Whether there is one of each that was measured: of a result that went on from
    another one's figures the curves are elsewhere."""
    return bool(curves) and all(name in curves or not any(rounds)
                                for name, rounds in variants.items() if not is_aside(name))


def draw_curves(pyplot, title, curves):
    figure = base.figure_of(pyplot, title, curves)
    figure.axes[0].set_xlabel("seconds since the load began", color=base.INK[0])
    return figure


## Throughput against memory

def points_of(variants, names):
    """{allocator: (MB, ops/s)} of those that have both."""
    view = View(names, variants)
    found = {name: (view.value(name, "mean_bytes"), view.value(name, "ops_per_s"))
             for name in names}
    return {name: (memory / MB, speed) for name, (memory, speed) in found.items()
            if memory is not None and speed is not None}


def label_points(figure, axes, points):
    """Each name beside its point, where it covers no other name or point."""
    renderer = figure.canvas.get_renderer()
    taken = [axes.transData.transform(point) for point in points.values()]
    boxes = []
    for name, point in sorted(points.items(), key=lambda item: -item[1][1]):
        for x, y, side in OFFSETS:
            text = axes.annotate(
                name, point, (x, y), textcoords="offset points", ha=side, va="center", fontsize=9,
                color=base.colours_of(name)[0],
                weight="bold" if name == base.SUBJECT else "normal")
            box = text.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in boxes) and not any(
                    box.contains(*other) for other in taken):
                break
            text.remove()
        else:
            text = axes.annotate(name, point, OFFSETS[0][:2], textcoords="offset points",
                                 va="center", fontsize=9, color=base.colours_of(name)[0])
            box = text.get_window_extent(renderer)
        boxes.append(box)


def widened(values, part=0.16):
    """Room for labels, and a tenth of the figures at least: what differs by a
    percent shall not look far apart."""
    low, high = min(values), max(values)
    gap = max((high - low) * part, (0.1 * high - (high - low)) / 2)
    return max(0, low - gap), high + gap or 1


def draw_trade(pyplot, title, points, ideal):
    figure, axes = pyplot.subplots(figsize=(9.6, 4.8), facecolor=base.GROUND[0])
    axes.set_facecolor(base.GROUND[0])
    memory = [point[0] for point in points.values()] + ([ideal] if ideal else [])
    axes.set_xlim(*widened(memory))
    axes.set_ylim(*widened([point[1] for point in points.values()]))
    figure.subplots_adjust(left=0.1, right=0.97, top=0.92, bottom=0.12)
    if ideal:
        axes.axvline(ideal, color=base.FAINT[0], linewidth=1, dashes=(1, 2))
        axes.annotate("ideal", (ideal, 0.02), xycoords=("data", "axes fraction"), fontsize=9,
                      xytext=(4, 0), textcoords="offset points", color=base.FAINT[0])
    for name, point in points.items():
        is_variant = "-" in name
        axes.plot(*point, marker="o", markersize=9 if name == base.SUBJECT else 7,
                  markeredgecolor=base.colours_of(name)[0], markeredgewidth=1.6,
                  markerfacecolor=base.GROUND[0] if is_variant else base.colours_of(name)[0])
    base.dress(axes, title, 1)
    axes.set_ylim(*widened([point[1] for point in points.values()]))
    axes.set_xlabel("mean resident memory (MB); better is to the left", color=base.INK[0])
    axes.set_ylabel("operations per second; better is up", color=base.INK[0])
    label_points(figure, axes, points)
    return figure


## Limits

def limits_of(groups, names):
    """{JDK: {workload: {allocator: MB}}} of workloads with any limit."""
    found = {}
    for (workload, jdk), variants in groups.items():
        view = View(names, variants)
        limits = {name: view.value(name, "limit_bytes") for name in names}
        limits = {name: limit / MB for name, limit in limits.items() if limit}
        if limits:
            found.setdefault(jdk, {})[workload] = limits
    return found


def draw_panel(axes, workload, limits, names):
    axes.set_facecolor(base.GROUND[0])
    shown = [name for name in names if name in limits]
    for at, name in enumerate(shown):
        axes.barh(at, limits[name], color=base.colours_of(name)[0], height=0.72,
                  alpha=0.55 if "-" in name else 1.0)
        axes.annotate(f"{limits[name]:.0f}", (limits[name], at), xytext=(3, 0), va="center",
                      textcoords="offset points", fontsize=8, color=base.INK[0],
                      weight="bold" if limits[name] == min(limits.values()) else "normal")
    axes.set_yticks(range(len(shown)), shown, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_color(base.colours_of(label.get_text())[0])
        label.set_weight("bold" if label.get_text() == base.SUBJECT else "normal")
    axes.invert_yaxis()
    axes.set_xlim(0, max(limits.values()) * 1.16)
    axes.set_xticks([])
    axes.set_title(workload, loc="left", fontsize=10, color=base.INK[0])
    axes.tick_params(left=False)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(base.FAINT[0])


def draw_limits(pyplot, jdk, by_workload, names):
    columns = min(COLUMNS, len(by_workload))
    rows = -(-len(by_workload) // columns)
    figure, panels = pyplot.subplots(rows, columns, figsize=(3.6 * columns, 0.4 + 2.3 * rows),
                                     squeeze=False, facecolor=base.GROUND[0])
    flat = [axes for row in panels for axes in row]
    for axes, (workload, limits) in zip(flat, by_workload.items()):
        draw_panel(axes, workload, limits, names)
    for axes in flat[len(by_workload):]:
        axes.set_visible(False)
    figure.suptitle(f"smallest memory limit survived on {jdk} (MB); bold: the least", x=0.01,
                    ha="left", fontsize=11, color=base.INK[0])
    figure.tight_layout()
    return figure


## Files

def save(pyplot, figure, folder, name):
    path = os.path.join(folder, name)
    figure.savefig(path + ".png", dpi=110)
    # Without a date, so that the same figures give the same file.
    figure.savefig(path + ".svg", metadata={"Date": None})
    pyplot.close(figure)
    with open(path + ".svg", encoding="utf-8") as file:
        svg = base.two_schemes(file.read())
    with open(path + ".svg", "w", encoding="utf-8") as file:
        file.write(svg)
    print(name)


def ideal_of(variants):
    found = variants.get(LEDGER, [None])[0]
    return found["ideal_mean_bytes"] / MB if found and "ideal_mean_bytes" in found else None


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
        document = json.load(file)
    pyplot = base.load_pyplot()
    pictures = os.path.join(folder, "pictures")
    os.makedirs(pictures, exist_ok=True)
    names, groups = list(document["allocators"]), report.grouped(document)
    for (workload, jdk), variants in groups.items():
        title = f"{workload} on {jdk}"
        curves = read_curves(folder, workload, jdk, names)
        if are_all_there(curves, variants):
            save(pyplot, draw_curves(pyplot, title, curves), pictures, f"{workload}.{jdk}.rss")
        points = points_of(variants, names)
        if points:
            save(pyplot, draw_trade(pyplot, title, points, ideal_of(variants)), pictures,
                 f"{workload}.{jdk}.trade")
    for jdk, by_workload in limits_of(groups, names).items():
        save(pyplot, draw_limits(pyplot, jdk, by_workload, names), pictures, f"limits.{jdk}")


if __name__ == "__main__":
    main()

"""The tables of what was measured."""

import statistics

from rss.results import View
from rss.show import shown
from runner.report import Table

from . import figures
from .variants import LEDGER, is_aside

COLUMNS = (     # figure, title, form, with spread
    ("ops_per_s", "ops/s", "count", True), ("ops_per_cpu_s", "ops/CPU s", "count", True),
    ("p50_us", "p50 us", "count", False), ("p99_us", "p99 us", "count", False),
    ("p999_us", "p99.9 us", "count", False), ("cpu_s", "CPU s", "s", False),
    ("mean_bytes", "mean MB", "MB", True), ("peak_bytes", "peak MB", "MB", False),
    ("after1_bytes", "1 s MB", "MB", False), ("after5_bytes", "5 s MB", "MB", False),
    ("after30_bytes", "30 s MB", "MB", False), ("mean_waste_bytes", "mean waste MB", "MB", False),
    ("rest_waste_bytes", "rest waste MB", "MB", False),
    ("usage_peak_bytes", "cgroup's peak MB", "MB", False),
    ("minor_faults", "page faults", "count", False), ("limit_bytes", "least limit MB", "MB", False),
)
NOTE = ("Medians over the rounds, ± half of the way from the least to the largest. Bytes are "
        "resident memory of the whole process; waste is what is above the ideal.")


def grouped(document):
    """{(workload, JDK): {variant: [figures of a round or None]}} with the waste,
    and the smallest limit, where they are known."""
    out = {}
    for key, run in document["runs"].items():
        workload, jdk, variant, _ = key.split("/")
        out.setdefault((workload, jdk), {}).setdefault(variant, []).append(
            dict(run["figures"]) if "figures" in run else None)
    for names, variants in out.items():
        asides = {name: [next((f for f in variants.pop(name) if f), {})]
                  for name in list(variants) if is_aside(name)}
        ideals = asides.setdefault(LEDGER, [{}])[0]
        for variant, rounds in variants.items():
            limit = document["limits"].get("/".join((*names, variant, "1")), {})
            for of_round in filter(None, rounds):
                of_round.update(figures.waste(of_round, ideals))
                if limit.get("limit_bytes"):
                    of_round["limit_bytes"] = limit["limit_bytes"]
                of_round["limits_tried"] = len(limit.get("tried", ()))
        variants.update(asides)
    return out


def medians(document):
    """{workload: {JDK: {variant: {figure: median}}}}, waste and limits included."""
    out = {}
    for (workload, jdk), variants in grouped(document).items():
        view = View(list(variants), variants)
        names = {name: sorted({figure for rounds in variants[name] if rounds for figure in rounds})
                 for name in variants}
        out.setdefault(workload, {})[jdk] = {
            name: {figure: view.value(name, figure) for figure in names[name]}
            for name in variants if names[name]}
    return out


def cell(view, name, figure, form, with_spread):
    text = shown(view.value(name, figure), form)
    spread = view.spread(name, figure) if with_spread else None
    return text if spread is None else f"{text} ±{spread:.0%}"


def ideal_row(view, columns):
    same = {"mean_bytes": "ideal_mean_bytes", "peak_bytes": "ideal_peak_bytes",
            "after5_bytes": "ideal_rest_bytes"}
    return [LEDGER, *(shown(view.value(LEDGER, same.get(figure, "")), form)
                      for figure, _, form, _ in columns)]


def table(title, variants, order):
    names = [name for name in order if any(variants.get(name, []))]
    view = View(names, variants)
    columns = [column for column in COLUMNS
               if any(view.value(name, column[0]) is not None for name in names)]
    made = Table(title, NOTE, ["allocator", *(column[1] for column in columns)])
    for name in names:
        made.rows.append([name, *(cell(view, name, *column[:1], *column[2:])
                                  for column in columns)])
    if any(variants[LEDGER]):
        made.rows.append(ideal_row(view, columns))
    return made


def tables(document, titles):
    order = list(document["allocators"])
    return [table(f"{workload} on {jdk}: {titles.get(workload, '')}", variants, order)
            for (workload, jdk), variants in grouped(document).items()]


def failure_lines(document):
    return [f"{key}: {run['failure']}" for key, run in document["runs"].items()
            if "failure" in run]


def text(document, titles):
    parts = [one.text() for one in tables(document, titles)]
    return "\n".join(parts + failure_lines(document))


def others(document):
    """The part of the CPUs that others took, in the median of the runs."""
    parts = [run["figures"]["others_part"] for run in document["runs"].values()
             if run.get("figures", {}).get("others_part") is not None]
    return statistics.median(parts) if parts else 0.0

"""Keeps what was measured on disk after each step: an interrupted run loses
nothing but the step it was in."""

import csv
import json
import os
import sys


def csv_name(scenario, allocator, number):
    return f"{scenario}.{allocator}.{number + 1}.csv"


class Recorder:
    def __init__(self, folder, results, about):
        self.folder = folder
        self.results = results
        self.about = about      # () -> machine, settings, allocators
        os.makedirs(folder, exist_ok=True)
        self._remove_old()

    def _remove_old(self):
        """Curves and charts of an earlier run would stand beside the new ones."""
        for name in os.listdir(self.folder):
            if name.endswith((".csv", ".svg", ".png")):
                os.unlink(os.path.join(self.folder, name))

    def add(self, scenario, name, figures):
        self.results.add(scenario, name, figures)

    def fail(self, scenario, name, why):
        self.results.fail(scenario, name, why)
        print(f"{scenario.name} on {name}: {why}", file=sys.stderr, flush=True)

    def skip(self, scenario, why):
        if scenario.name not in self.results.skipped:
            print(f"{scenario.name} is skipped: {why}", file=sys.stderr, flush=True)
        self.results.skipped[scenario.name] = why

    def keep_series(self, scenario, name, number, one):
        """Seconds since the mark "start", so that the curves of a chart agree."""
        starts = [mark["t_ns"] for mark in one.marks if mark["mark"] == "start"]
        if not one.series or not starts:
            return
        path = os.path.join(self.folder, csv_name(scenario.name, name, number))
        with open(path, "w", encoding="ascii", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("t_s", "rss_bytes"))
            for t_ns, size in one.series:
                writer.writerow((f"{(t_ns - starts[0]) / 1e9:.3f}", size))

    def document(self):
        results = self.results
        return {
            **self.about(),
            "scenarios": {
                scenario.name: {"title": scenario.title,
                                "rounds": results.rounds[scenario.name],
                                "skipped": results.skipped.get(scenario.name)}
                for scenario in results.scenarios},
            "failures": [{"scenario": scenario, "allocator": name, "why": why}
                         for scenario, name, why in results.failures],
            "targets": [{"scenario": scenario, "target": sentence, "met": verdict,
                         "details": details}
                        for scenario, sentence, verdict, details in results.judge()],
        }

    def save(self):
        """Replaced as a whole, so that there is always one to read."""
        path = os.path.join(self.folder, "results.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.document(), file, indent=1)
        os.replace(path + ".new", path)

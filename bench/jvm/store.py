"""What was measured, on disk after each run: an interrupted matrix goes on
where it was, and does again what has changed since."""

import csv
import hashlib
import json
import os
import shutil
import time

from . import report


class Step:
    """One run: a workload on a JDK and a variant, the n-th time."""

    def __init__(self, workload, jdk, variant, number):
        self.workload, self.jdk, self.variant, self.number = workload, jdk, variant, number

    @property
    def key(self):
        return "/".join((self.workload.name, self.jdk.name, self.variant.name,
                         str(self.number + 1)))


def fingerprint(step, form):
    """Of all that a run's figures depend on, the machine aside."""
    variant = step.variant
    what = [step.workload.load, step.workload.all_settings(form), step.workload.heap_mb,
            step.workload.limit_mb,
            step.jdk.version, variant.version, variant.variables, list(variant.jvm_options)]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


class Store:
    """`about` gives machine, settings and versions, as they stand."""

    def __init__(self, folder, about):
        self.folder, self.about = folder, about
        self.path = os.path.join(folder, "results.json")
        os.makedirs(folder, exist_ok=True)
        self.runs, self.limits = {}, {}
        self._kept = None       # what the older results say of themselves
        self._read()

    def _read(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                old = json.load(file)
        except FileNotFoundError:
            return
        self.runs, self.limits = old["runs"], old.get("limits", {})
        self._kept = old["settings"]["started"]
        for run in self.runs.values():
            run.setdefault("day", self._kept.split()[0])

    def has(self, key, of):
        """Whether this very run was done, and came to its end."""
        run = self.runs.get(key)
        return bool(run and run["of"] == of and "figures" in run)

    def keep_old(self, plan):
        """Results that the plan will replace stay under the name of their day, to
        be compared with."""
        stale = any(key in self.runs and "figures" in self.runs[key]
                    and not self.has(key, of) for key, of in plan)
        if stale and self._kept:
            name = "results-" + "".join(c for c in self._kept if c.isalnum()) + ".json"
            shutil.copyfile(self.path, os.path.join(self.folder, name))

    def add(self, key, of, figures, seconds=None):
        self.runs[key] = {"of": of, "figures": figures, "seconds": seconds,
                          "day": time.strftime("%Y-%m-%d", time.gmtime())}
        self.save()

    def seconds_by_workload(self):
        """How long runs took, as far as is known, for a guess at those to come."""
        out = {}
        for key, run in self.runs.items():
            if run.get("seconds"):
                out.setdefault(key.split("/")[0], []).append(run["seconds"])
        return out

    def fail(self, key, of, why):
        self.runs[key] = {"of": of, "failure": why}
        self.save()

    def keep_limit(self, key, of, found):
        self.limits[key] = {"of": of, **found}
        self.save()

    def limit(self, key, of):
        found = self.limits.get(key)
        return found if found and found["of"] == of else None

    def keep_curve(self, key, marks, series):
        """Seconds since the mark "start", so that the curves of a chart agree."""
        starts = [mark["t_ns"] for mark in marks if mark["mark"] == "start"]
        if not starts or not series:
            return
        path = os.path.join(self.folder, key.replace("/", ".") + ".csv")
        with open(path, "w", encoding="ascii", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("t_s", "rss_bytes"))
            writer.writerows((f"{(t_ns - starts[0]) / 1e9:.3f}", size) for t_ns, size in series)

    def document(self):
        document = {**self.about(), "runs": self.runs, "limits": self.limits}
        return {**document, "medians": report.medians(document)}

    def save(self):
        """Replaced as a whole, so that there is always one to read."""
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.document(), file, indent=1)
        os.replace(self.path + ".new", self.path)

"""Writes pictures, RESULTS.md and the page from what was measured."""

import glob
import json
import os
import shutil
import subprocess
import sys

from rss.packages import PYTHON_OF_CHARTS, can_draw

from . import page, reasons, summary

CHART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chart.py")
PICTURES = "pictures"
# Below the top of the sources.
PUBLISHED = os.path.join("doc", "results")
# Pictures of the results that a run went on from, for which it has no curves.
EARLIER = "earlier"


class TooBusy(Exception):
    """Others took so much of the CPUs that the figures are nobody's."""


def draw(folder):
    """The names of the pictures; none without matplotlib."""
    if not can_draw():
        print("no pictures without matplotlib (Debian: python3-matplotlib)", file=sys.stderr)
        return []
    shutil.rmtree(os.path.join(folder, PICTURES), ignore_errors=True)
    done = subprocess.run([PYTHON_OF_CHARTS, CHART, folder], check=False, text=True,
                          stdout=subprocess.PIPE)
    if done.returncode != 0:
        print("the pictures could not be drawn", file=sys.stderr)
    drawn = done.stdout.split()
    return drawn + keep_earlier(folder, drawn)


def keep_earlier(folder, drawn):
    """The names of the earlier pictures that nothing was drawn in place of."""
    earlier = os.path.join(folder, EARLIER)
    names = [name[:-len(".svg")] for name in sorted(os.listdir(earlier))] if os.path.isdir(earlier) else []
    kept = [name for name in names if name not in drawn]
    for name in kept:
        shutil.copy(os.path.join(earlier, name + ".svg"), os.path.join(folder, PICTURES))
    return kept


def go_on_from(tree, folder):
    """Begins a folder that has no results yet with those that the sources have: what
    their runs depended on is measured again only where it has changed."""
    there = os.path.join(tree, PUBLISHED)
    if os.path.exists(os.path.join(folder, "results.json")):
        return
    os.makedirs(os.path.join(folder, EARLIER), exist_ok=True)
    shutil.copy(os.path.join(there, "results.json"), folder)
    for path in glob.glob(os.path.join(there, "*.rss.svg")):
        shutil.copy(path, os.path.join(folder, EARLIER))


def load(folder):
    with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
        return json.load(file)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_all(folder, document=None):
    """Into the folder itself: what it has measured, or the part of it that is given."""
    drawn = draw(folder)
    known = reasons.read()
    findings = summary.Findings(document or load(folder), known, drawn, PICTURES)
    write(os.path.join(folder, "RESULTS.md"), summary.markdown(findings))
    write(os.path.join(folder, "results.html"),
          page.document(findings, os.path.join(folder, PICTURES)))
    for workload, question in reasons.idle(known, findings.verdicts):
        print(f"reasons.md: {workload} does not lose in {question} here", file=sys.stderr)
    return findings


def publish(findings, folder, tree):
    """Into the sources: RESULTS.md at their top, pictures and figures below doc."""
    if not summary.is_quiet(findings.document):
        raise TooBusy(summary.others_sentence(findings.document))
    there = os.path.join(tree, PUBLISHED)
    shutil.rmtree(there, ignore_errors=True)
    os.makedirs(there)
    for name in findings.pictures:
        shutil.copyfile(os.path.join(folder, PICTURES, name + ".svg"),
                        os.path.join(there, name + ".svg"))
    for name in ("results.html", "results.json"):
        shutil.copyfile(os.path.join(folder, name), os.path.join(there, name))
    findings.folder = PUBLISHED
    write(os.path.join(tree, "RESULTS.md"), summary.markdown(findings))

"""Why trimalloc loses where it does: written by hand in reasons.md, so that writing
RESULTS.md again loses nothing."""

import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reasons.md")
NONE = "*not explained yet*"
# In place of a workload: what holds for many.
GENERAL = "general"


def parse(text):
    """{(workload, question): reason}. A heading names the workload; each item of
    the list below it begins with what was lost."""
    found, workload, last = {}, None, None
    for line in text.splitlines():
        heading = re.fullmatch(r"## `?(\w+)`?\s*", line)
        item = re.fullmatch(r"- ([^:]+): (.+)", line)
        if heading:
            workload, last = heading.group(1), None
        elif item and workload:
            last = (workload, item.group(1).strip())
            found[last] = item.group(2).strip()
        elif last and line.startswith("  "):
            found[last] += " " + line.strip()
        elif line.strip():
            last = None
    return found


def read(path=PATH):
    with open(path, encoding="utf-8") as file:
        return parse(file.read())


def idle(reasons, verdicts):
    """Those whose loss is not there (any more), of what was measured."""
    asked = {(v.workload, v.question.name) for v in verdicts}
    lost = {(v.workload, v.question.name) for v in verdicts if v.loses}
    return sorted(set(reasons) & asked - lost)

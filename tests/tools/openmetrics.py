"""openmetrics.py -- does a text keep the rules of the OpenMetrics format 1.0.0?

Only what the exporter makes use of: gauges, counters, labels.
"""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
HEAD = re.compile(r"# (HELP|TYPE|UNIT) (%s) (.*)" % NAME)
SAMPLE = re.compile(r"(%s)(?:\{((?:%s)(?:,(?:%s))*)\})? (\S+)" % (NAME, LABEL, LABEL))
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


def unescape(value):
    return re.sub(r'\\["\\n]', lambda m: ESCAPES[m.group(0)], value)


class Text:
    """samples: {(name, frozenset of label pairs): value}; complaints: what is wrong."""

    def __init__(self, text, is_open=True):
        self.is_open = is_open
        self.samples = {}
        self.families = {}
        self.complaints = []
        self.current = None
        lines = text.split("\n")
        if lines.pop() != "":
            self.complaints.append("the last line has no end")
        if is_open and (not lines or lines.pop() != "# EOF"):
            self.complaints.append("the last line is not # EOF")
        for line in lines:
            wrong = self.head(line) if line.startswith("#") else self.sample(line)
            if wrong:
                self.complaints.append("%s: %s" % (wrong, line))

    def head(self, line):
        match = HEAD.fullmatch(line)
        if not match:
            return "no line of a head"
        what, name, value = match.groups()
        if name != self.current:
            if name in self.families:
                return "its family stands in two places"
            self.current = name
            self.families[name] = {}
        family = self.families[name]
        if what in family or "samples" in family:
            return "the head is said twice, or after samples"
        family[what] = value
        if what == "TYPE" and value not in ("gauge", "counter"):
            return "an unknown type"
        if what == "UNIT" and not (self.is_open and name.endswith("_" + value)):
            return "the unit is not the name's end"
        return None

    def sample(self, line):
        match = SAMPLE.fullmatch(line)
        if not match:
            return "no sample"
        name = match.group(1)
        pairs = re.findall(LABEL, match.group(2) or "")
        family = self.families.get(self.current, {})
        suffix = "_total" if family.get("TYPE") == "counter" and self.is_open else ""
        if name != "%s%s" % (self.current, suffix):
            return "a sample outside of its family %s" % self.current
        if family.get("TYPE") == "counter" and not name.endswith("_total"):
            return "a counter without _total"
        if not {"HELP", "TYPE"} <= set(family):
            return "a family without HELP or TYPE"
        family["samples"] = True
        if len(dict(pairs)) != len(pairs):
            return "a label stands twice"
        key = (name, frozenset((k, unescape(v)) for k, v in pairs))
        if key in self.samples:
            return "a series stands twice"
        try:
            self.samples[key] = float(match.group(match.lastindex))
        except ValueError:
            return "no number"
        return None

    def value(self, name, **labels):
        """The one sample of that name that has these labels; None: not exactly one."""
        wanted = set(labels.items())
        found = [v for (n, have), v in self.samples.items() if n == name and wanted <= have]
        return found[0] if len(found) == 1 else None

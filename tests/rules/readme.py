#!/usr/bin/env python3
"""readme.py -- README.md tells the truth about options and files."""

import os
import re

import source
import tap

OPTION = re.compile(r"^OPTION\((\w+), (\w+), (-?\w+), [^,]+, [^,]+, \"([^\"]*)\"", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+?) \|", re.MULTILINE)
# A path in backquotes, or the target of a link; with a known first folder.
PATH = re.compile(r"(?:`|\]\()((?:alloc|bench|doc|tests|tools|include)/[\w./-]+)")


def plain(default, kind, unit):
    """A default as people write it."""
    if kind == "choice":
        # An enumerator: THP_DEFAULT is the word "default" of option thp.
        word = default.split("_")[-1].lower()
        return word if word in unit.split("|") else default
    if kind == "string":
        return "none"
    if kind == "signal":
        return default
    if kind == "boolean":
        return "true" if default == "1" else "false"
    number = int(default)
    for unit, size in (("M", 1 << 20), ("K", 1 << 10)):
        if kind == "count" and number and number % size == 0:
            return "%d%s" % (number // size, unit)
    return str(number)


def main():
    tree = source.root()
    report = tap.Report()
    readme = source.read(tree, "README.md")
    rows = dict(ROW.findall(readme))
    options = {name: plain(default, kind, unit) for name, kind, default, unit
               in OPTION.findall(source.read(tree, "alloc/base/options.def"))}

    report.sentence("README.md names every option",
                    ["`%s` has no row" % name for name in options if name not in rows])
    report.sentence("README.md names no option that does not exist",
                    ["`%s`" % name for name in rows if name not in options])
    report.sentence("README.md has the default of every option",
                    ["%s is %s, README.md says %s" % (name, value, rows[name])
                     for name, value in options.items() if rows.get(name, value) != value])
    report.sentence("every file that README.md names exists",
                    [path for path in PATH.findall(readme)
                     if not os.path.exists(os.path.join(tree, path))])
    report.end()


if __name__ == "__main__":
    main()

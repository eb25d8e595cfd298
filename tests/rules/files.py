#!/usr/bin/env python3
"""files.py -- alloc/README.md names every file of alloc/, and no other."""

import itertools
import os
import re

import source
import tap

SUFFIXES = [".c", ".h", ".def", ".map", ".inc", ".S"]


def braces(text):
    """bits.{h,c} is bits.h and bits.c."""
    def spread(match):
        return " ".join(match.group(1) + part.strip() + match.group(3)
                        for part in match.group(2).split(","))

    return re.sub(r"([\w./-]*)\{([^{}\n]*)\}([\w./-]*)", spread, text)


def named(text):
    """The file names in the text; <sys/mman.h> is somebody else's."""
    text = re.sub(r"<[\w./-]+>", " ", braces(text))
    pattern = r"(?<![\w./*-])[\w./-]*\w(?:%s)(?!\w)" % "|".join(map(re.escape, SUFFIXES))
    return sorted(set(re.findall(pattern, text)))


def matches(name, path):
    return path == name or path.endswith("/" + name)


def main():
    tree = source.root()
    report = tap.Report()
    paths = source.find(tree, ["alloc"], SUFFIXES)
    readme = "alloc/README.md"
    names = []
    if report.sentence("alloc has a README.md",
                       [] if os.path.exists(os.path.join(tree, readme)) else [readme]):
        names = named(source.read(tree, readme))

    def claimed(path):
        return any(matches(n, path) for n in names)

    def exists(name):
        return (any(matches(name, p) for p in paths)
                or os.path.exists(os.path.join(tree, name)))

    def ambiguous():
        """A bare name says which file only where it is the only one."""
        for name in names:
            hits = [p for p in paths if matches(name, p)]
            if len(hits) > 1:
                yield "%s may be %s" % (name, " or ".join(hits))

    report.sentence("alloc/README.md names every file of alloc",
                    itertools.filterfalse(claimed, paths))
    report.sentence("every file that alloc/README.md names exists",
                    itertools.filterfalse(exists, names))
    report.sentence("every name in alloc/README.md means one file", ambiguous())
    report.end()


main()

#!/usr/bin/env python3
"""misuse.py -- every program of tests/misuse is run, and stands in the table."""

import importlib.machinery
import importlib.util
import os

import source
import tap

MISUSE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "misuse")


def script(path):
    """A script without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader("compare", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(module)
    return module


def unrun(programs, demanded):
    yield from ("%s.c is not run by misuse.c" % n for n in programs if n not in demanded)
    yield from ("misuse.c runs %s, which is not there" % n
                for n in demanded if n not in programs)


def outdated(rows, demanded):
    for name, sentence in demanded.items():
        if name in rows and rows[name][0] != sentence:
            yield ("%s: misuse.c demands \"%s\", the table has \"%s\": "
                   "tests/misuse/compare --on trimalloc %s"
                   % (name, sentence, rows[name][0], name))


def main():
    tree = source.root()
    report = tap.Report()
    compare = script(os.path.join(MISUSE, "compare"))
    programs = compare.programs(tree)
    demanded = compare.demanded(tree)
    rows = compare.cells(compare.section(source.read(tree, "tests/README.md"))[1])

    report.sentence("every program of tests/misuse is run by misuse.c",
                    unrun(programs, demanded))
    report.sentence("every program of tests/misuse has its row in tests/README.md",
                    compare.check(tree))
    report.sentence("the table has the sentences that misuse.c demands",
                    outdated(rows, demanded))
    report.end()


if __name__ == "__main__":
    main()

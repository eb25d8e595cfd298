#!/usr/bin/env python3
"""sizes.py -- how long files and functions are, how much preprocessor there is.

A function begins at its return type (column 0, after a blank line, a comment or
a preprocessor line) and ends with the brace in column 0.
"""

import re
import statistics

import source
import tap

SOURCE_LINES = 600
HEADER_LINES = 200
FUNCTION_LINES = 70
CONDITIONALS_PER_1000 = 8
MALLOC_LINES = 1500

CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif)\b")


def functions(lines):
    """[(name, first line, last line)], counted from 1, of blanked lines."""
    found = []
    opened = None
    for i, line in enumerate(lines):
        if line.rstrip() == "{" and opened is None:
            opened = i
        elif line.startswith("}") and opened is not None:
            first = opened
            while (first > 0 and lines[first - 1].strip()
                   and not lines[first - 1].startswith(("#", "}"))):
                first -= 1
            head = " ".join(lines[first:opened])
            name = re.search(r"([\w~:]+)\s*\(", head)
            found.append((name.group(1) if name else head.strip(), first + 1, i + 1))
            opened = None
    return found


def is_guard(lines, i):
    """The #ifndef X that the next line answers with #define X."""
    match = re.match(r"#ifndef (\w+)\s*$", lines[i])
    return bool(match and i + 1 < len(lines)
                and re.match(r"#define %s\s*$" % match.group(1), lines[i + 1]))


class File:
    def __init__(self, tree, path):
        text = source.read(tree, path)
        blanked = source.blank_comments(text)
        self.path = path
        self.nlines = text.count("\n")
        self.lines = blanked.splitlines()
        self.functions = functions(self.lines)
        self.conditionals = [i + 1 for i, line in enumerate(self.lines)
                             if CONDITIONAL.match(line) and not is_guard(self.lines, i)]
        self.ncomments = sum(1 for raw, code in zip(text.splitlines(), self.lines)
                             if raw.strip() and not code.strip())
        self.nblank = sum(1 for raw in text.splitlines() if not raw.strip())


def longer(files, suffixes, limit):
    return ["%s has %d lines, %d are allowed" % (f.path, f.nlines, limit)
            for f in files if f.path.endswith(suffixes) and f.nlines > limit]


def long_functions(files):
    return ["%s:%d: %s has %d lines, %d are allowed"
            % (f.path, first, name, last - first + 1, FUNCTION_LINES)
            for f in files for name, first, last in f.functions
            if last - first + 1 > FUNCTION_LINES]


def conditionals_inside(files):
    return ["%s:%d: a preprocessor conditional inside %s" % (f.path, line, name)
            for f in files for name, first, last in f.functions
            for line in f.conditionals if first <= line <= last]


def dense(files):
    nlines = sum(f.nlines for f in files)
    where = ["%s:%d" % (f.path, line) for f in files for line in f.conditionals]
    if len(where) * 1000 > CONDITIONALS_PER_1000 * nlines:
        yield "%d conditionals in %d lines:" % (len(where), nlines)
        yield from where


def behind(tree, path, seen):
    """The path and all that it includes."""
    if path not in seen:
        seen.add(path)
        for _, target in source.includes(tree, path):
            behind(tree, target, seen)
    return seen


def behind_malloc(tree):
    paths = behind(tree, "alloc/api/malloc.c", set())
    nlines = sum(source.read(tree, p).count("\n") for p in paths)
    if nlines > MALLOC_LINES:
        yield "%d lines, %d are allowed: %s" % (nlines, MALLOC_LINES, " ".join(sorted(paths)))


def measure(report, files):
    lengths = sorted(last - first + 1 for f in files for _, first, last in f.functions)
    if not lengths:
        return
    nlines = sum(f.nlines for f in files)
    written = sum(f.nlines - f.nblank for f in files)
    report.note("alloc: %d lines in %d files, %d functions"
                % (nlines, len(files), len(lengths)))
    report.note("functions: median %d lines, nine in ten at most %d, longest %d"
                % (statistics.median(lengths), lengths[(len(lengths) * 9 - 1) // 10],
                   lengths[-1]))
    report.note("comments: %.0f %% of the written lines"
                % (100 * sum(f.ncomments for f in files) / written))


def main():
    tree = source.root()
    report = tap.Report()
    paths = source.find(tree, source.ROOMS, [".c", ".h", ".cc"])
    files = [File(tree, p) for p in paths]
    alloc = [f for f in files if f.path.startswith("alloc/")]

    report.sentence("no source file has more than %d lines" % SOURCE_LINES,
                    longer(files, (".c", ".cc"), SOURCE_LINES))
    report.sentence("no header has more than %d lines" % HEADER_LINES,
                    longer(files, (".h",), HEADER_LINES))
    report.sentence("no function has more than %d lines" % FUNCTION_LINES,
                    long_functions(files))
    report.sentence("no function has a preprocessor conditional inside",
                    conditionals_inside(files))
    report.sentence("alloc has at most %d preprocessor conditionals in 1000 lines"
                    % CONDITIONALS_PER_1000, dense(alloc))
    report.sentence("the file of malloc and all that it includes have at most %d lines"
                    % MALLOC_LINES, behind_malloc(tree))
    measure(report, alloc)
    report.end()


main()

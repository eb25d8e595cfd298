#!/usr/bin/env python3
"""formatting.py -- every C and C++ file is as clang-format 14 would write it.

Other versions write some lines otherwise; where 14 is missing this is skipped.
"""

import os
import re
import shutil
import subprocess

import source
import tap

VERSION = 14
SENTENCE = "every C and C++ file is formatted as .clang-format says"


def formatter():
    """(program, None), or (None, why there is none)."""
    versions = []
    for name in ("clang-format-%d" % VERSION, "clang-format"):
        program = shutil.which(name)
        if program is None:
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True)
        version = re.search(r"version (\d+)", said.stdout)
        if version and int(version.group(1)) == VERSION:
            return program, None
        versions.append(said.stdout.strip())
    return None, "clang-format %d is not installed%s" % (
        VERSION, " (found: %s)" % versions[0] if versions else "")


def badly_formatted(program, tree, paths):
    for path in paths:
        run = subprocess.run([program, "--style=file", path], cwd=tree,
                             capture_output=True, text=True)
        if run.returncode != 0:
            yield "%s: %s" % (path, run.stderr.strip())
            continue
        written = source.read(tree, path).splitlines()
        wanted = run.stdout.splitlines()
        if written != wanted:
            line = next((i for i, (a, b) in enumerate(zip(written, wanted), 1) if a != b),
                        min(len(written), len(wanted)))
            yield "%s:%d (clang-format -i %s)" % (path, line, path)


def main():
    tree = source.root()
    report = tap.Report()
    program, reason = formatter()
    if program is None:
        report.skip(SENTENCE, reason)
    elif not os.path.exists(os.path.join(tree, ".clang-format")):
        report.sentence(SENTENCE, [".clang-format is missing"])
    else:
        paths = source.find(tree, source.ROOMS, [".c", ".h", ".cc"])
        report.sentence(SENTENCE, badly_formatted(program, tree, paths))
    report.end()


main()

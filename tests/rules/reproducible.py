#!/usr/bin/env python3
"""reproducible.py -- a second build, elsewhere and later, makes the same bytes.

Copies the sources to a folder of another name and depth, gives every file
another time, configures as the build was configured and compares what comes
out with TRI_LIB. Not a part of check-rules: it compiles the library anew.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import source
import tap

SENTENCE = "a build in another folder, at another time, is the same library bit by bit"
# 2001: older than everything, as after the unpacking of an archive.
OTHER_TIME = 1000000000


def copy_sources(tree, to):
    """What a build reads: neither other builds nor the history."""
    def left_out(folder, names):
        out = {n for n in names if n in (".git", ".deps", ".libs", "autom4te.cache") or
               n.endswith((".o", ".lo", ".la"))}
        # A build below the source tree.
        return out | {n for n in names if os.path.exists(os.path.join(folder, n, "config.status"))
                      or (folder == tree and n == "build")}

    shutil.copytree(tree, to, ignore=left_out, symlinks=True)
    for folder, _, names in os.walk(to):
        for name in names:
            os.utime(os.path.join(folder, name), (OTHER_TIME, OTHER_TIME), follow_symlinks=False)


def arguments(build):
    """What configure was called with."""
    out = subprocess.run([os.path.join(build, "config.status"), "--config"],
                         check=True, capture_output=True, text=True).stdout
    return shlex.split(out)


def run(command, folder):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CC", "NM", "READELF",
                        "top_srcdir", "top_builddir", "TRI_DEBUG")}
    done = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode:
        return ["%s: exit status %d" % (command[0], done.returncode)] + \
            done.stdout.splitlines()[-20:]
    return []


def read(path):
    with open(path, "rb") as file:
        return file.read()


def differences(one, other):
    a, b = read(one), read(other)
    if a != b:
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        yield "%d and %d bytes, which differ from byte %d on:" % (len(a), len(b), at)
        yield repr(a[max(0, at - 40):at + 80])
        yield repr(b[max(0, at - 40):at + 80])


def complaints(tree, build, library, work):
    copy = os.path.join(work, "a-folder-of-a-longer-name", "and", "deeper")
    there = os.path.join(copy, "out", "of", "the", "way")
    copy_sources(tree, copy)
    os.makedirs(there)
    return run([os.path.join(copy, "configure"), "-q"] + arguments(build), there) or \
        run(["make", "-s", "-j2", "libtrimalloc.la"], there) or \
        list(differences(library, os.path.join(there, ".libs", "libtrimalloc.so")))


def main():
    report = tap.Report()
    tree = os.path.realpath(source.root())
    build = os.path.realpath(os.environ.get("top_builddir", "."))
    library = os.environ.get("TRI_LIB", os.path.join(build, ".libs", "libtrimalloc.so"))
    if os.environ.get("TRI_DEBUG") == "1":
        report.skip(SENTENCE, "shown of the build that is installed")
        report.end()
    with tempfile.TemporaryDirectory(prefix="tri-repro.") as work:
        report.sentence(SENTENCE, complaints(tree, build, library, work))
    report.end()


if __name__ == "__main__":
    sys.exit(main())

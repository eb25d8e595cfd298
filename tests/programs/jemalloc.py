"""jemalloc.py -- running what was made for jemalloc: on it, and on the library.

A test of such a program proves something only if the program passes on
jemalloc itself; so each runs there too, where it is installed.
"""

import ctypes.util
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "rules"))

LIMIT_SECONDS = 240
STRANGE = re.compile("LD_PRELOAD|LD_LIBRARY_PATH|TRIMALLOC_CONF|GLIBC_TUNABLES|MALLOC_")


def library():
    """The library under test."""
    return os.path.realpath(os.environ.get("TRI_LIB", ""))


def built(name):
    """A program that was built for the tests; None where it was not."""
    path = os.path.join(os.environ.get("top_builddir", "."), "tests", "programs", name)
    return path if os.access(path, os.X_OK) else None


def alias():
    """The folder in which the library has jemalloc's names."""
    return os.path.join(os.environ.get("top_builddir", "."), "jemalloc")


def real():
    """The path of jemalloc's own libjemalloc.so.2, or None."""
    name = ctypes.util.find_library("jemalloc")
    if name is None:
        return None
    said = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.search(r"^\s*%s \(.*x86-64.*\) => (\S+)$" % re.escape(name), said, re.MULTILINE)
    if found is None or os.path.realpath(found.group(1)) == library():
        return None
    return found.group(1)


def environment(preload, **more):
    env = {key: value for key, value in os.environ.items() if not STRANGE.match(key)}
    env.update(LC_ALL="C", PYTHONDONTWRITEBYTECODE="1")
    if preload:
        env["LD_PRELOAD"] = preload
    env.update(more)
    return env


def run(command, preload, input=None, **env):
    """(status, output, errors) of a command."""
    try:
        done = subprocess.run(command, env=environment(preload, **env), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", input=input or "",
                              timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, "", "it did not end within %d s" % LIMIT_SECONDS
    return done.returncode, done.stdout, done.stderr


def last_line(text):
    lines = text.splitlines()
    return lines[-1] if lines else ""


def complaints(result, wanted, words):
    """What is wrong where a program shall say `wanted` last, and nothing else go wrong."""
    status, output, errors = result
    if status != 0:
        yield "%s: it ended with status %s and said: %s" % (words, status, errors.strip()[-2000:])
    elif last_line(output) != wanted:
        yield "%s: it said '%s'" % (words, last_line(output)[:300])
    elif errors:
        yield "%s: it complained: %s" % (words, errors.strip()[:2000])


def places():
    """(words, preload) of every way to come by jemalloc's functions."""
    if real():
        yield "on jemalloc itself", real()
    yield "on the library", library()
    if real():
        # As a program linked to jemalloc: the real one is there, behind ours.
        yield "on the library before jemalloc", library() + ":" + real()

"""tool.py -- runs the command, and processes for it to look at."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "rules"))
import tap  # noqa: E402  pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", os.path.dirname(os.path.dirname(HERE)))
TOOL = os.environ.get("TRI_TOOL", os.path.join(BUILD, "tools/trimalloc/trimalloc"))
LIBRARY = os.environ.get("TRI_LIB", os.path.join(BUILD, ".libs/libtrimalloc.so"))

# Exit codes, as trimalloc(1) has them.
DONE, FAILED, USAGE, NO_PROCESS, NO_LIBRARY, NO_SOCKET, NO_ACCESS, NO_ANSWER, LEFT_OUT = range(9)
RUN_FAILED, RUN_NOT_EXECUTABLE, RUN_NOT_FOUND = 125, 126, 127


def environment(**more):
    """This environment without what would change what the command says."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("TRIMALLOC_CONF", "LD_PRELOAD", "NO_COLOR")}
    env.update({k: str(v) for k, v in more.items()})
    return env


class Said:
    def __init__(self, run):
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr

    def wrong(self, code, out=(), err=()):
        """Complaints: another exit code, or words that are not there."""
        if self.code != code:
            yield "the exit code is %d, not %d; stdout: %s; stderr: %s" % (
                self.code, code, self.out[-500:], self.err[-500:])
        for where, text, words in (("stdout", self.out, out), ("stderr", self.err, err)):
            for word in [words] if isinstance(words, str) else words:
                if word not in text:
                    yield "%s has no '%s': %s" % (where, word, text[-800:])


def tool(*words, env=None, timeout=60, **options):
    return Said(subprocess.run([TOOL, *map(str, words)], env=env or environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace",
                               timeout=timeout, check=False, **options))


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="trimalloc-tool-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def fake(path, *words, conf="", library=True, prefix=(), socket="s", env=None, **options):
    """A process of fake.py in a folder, with its socket there; its Popen."""
    arguments = list(words)
    if library:
        file = os.path.join(path, "libtrimalloc.so")
        with open(file, "w", encoding="ascii") as out:
            out.write("not a library")
        arguments += ["--library", file]
    if socket:
        name = os.path.join(path, socket)
        arguments += ["--socket", name]
        conf = conf or "decay_ms:1,control:%s" % name
    env = environment(**(env or {}))
    if conf:
        env["TRIMALLOC_CONF"] = conf
    process = subprocess.Popen([*prefix, sys.executable, os.path.join(HERE, "fake.py"), *arguments],
                               env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, **options)
    try:
        line = process.stdout.readline()
        if line != "ready\n":
            raise RuntimeError("fake.py said %r; %s" % (line, process.stderr.read()))
        yield process
    finally:
        process.kill()
        process.communicate()


def has_part(name):
    """Is a part (metrics, top, exporter) in this build?"""
    return "%s yes" % name in tool("version").out

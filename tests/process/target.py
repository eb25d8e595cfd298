"""target.py -- Python processes under the library, for the tests beside it.

A target runs some lines of Python, says "ready", and obeys lines of Python that
it is sent, until its standard input ends.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "rules"))

import tap  # noqa: E402, F401  (found by the line above)

LIBRARY = os.path.realpath(os.environ.get("TRI_LIB", ".libs/libtrimalloc.so"))
PATIENCE = 20

LOOP = """
import ctypes, os, signal, sys, threading, time
assert any("libtrimalloc" in line for line in open("/proc/self/maps"))
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def start_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
def burst(n=20000, size=3000):
    blocks = [libc.malloc(size) for _ in range(n)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks:
        libc.free(block)
"""

OBEY = """
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""

THREAD = "start_thread()"


class Failed(Exception):
    """What was expected did not come."""


class Skipped(Exception):
    """It cannot be tried here, for this reason."""


def wait_for(condition, what, patience=PATIENCE):
    """Waits until condition() is true; its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed("not within %d s: %s" % (patience, what))
        time.sleep(0.005)


def alive(pid):
    """False for a process that has ended, too, and was not waited for yet."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Target:
    """One such process; a context manager that ends it."""

    def __init__(self, folder, code=THREAD, conf="", **more):
        env = {key: value for key, value in os.environ.items()
               if key not in ("LD_PRELOAD", "TRIMALLOC_CONF", "MALLOC_CONF")}
        env.update(LD_PRELOAD=LIBRARY, TRIMALLOC_CONF=conf, PYTHONMALLOC="malloc")
        self.folder = folder
        with open(os.path.join(folder, "stderr"), "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LOOP + code + OBEY], env=env, cwd=folder, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=more.pop("stderr", errors), **more)
        self.pid = self.process.pid
        self.expect("ready")

    def expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise Failed("'%s' instead of '%s'; it said: %s" % (line, word, self.errors()))

    def line(self):
        return self.process.stdout.readline().strip()

    def send(self, code):
        self.process.stdin.write(code + "\n")
        self.process.stdin.flush()

    def do(self, code):
        """Has one line of Python run."""
        self.send(code)
        self.expect("done")

    def kill(self, number=signal.SIGURG):
        os.kill(self.pid, number)

    def errors(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def threads(self):
        names = []
        for tid in os.listdir("/proc/%d/task" % self.pid):
            try:
                with open("/proc/%d/task/%s/comm" % (self.pid, tid), encoding="utf-8") as file:
                    names.append(file.read().strip())
            except FileNotFoundError:
                pass
        return names

    def end(self):
        """Lets it end; its status."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()


def run(tests):
    """Runs functions whose names are sentences, each with a folder of its own."""
    report = tap.Report()
    wanted = sys.argv[1:]
    for test in tests:
        sentence = test.__name__.replace("_", " ")
        if wanted and test.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="trimalloc-test-") as folder:
            try:
                complaints = list(test(os.path.realpath(folder)) or [])
            except Skipped as reason:
                report.skip(sentence, reason)
                continue
            except (Failed, OSError, subprocess.SubprocessError) as failure:
                complaints = ["%s: %s" % (type(failure).__name__, failure)]
        report.sentence(sentence, complaints)
    report.end()

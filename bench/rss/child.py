"""One run of one scenario on one allocator, its memory sampled from outside.

A scenario prints a line of JSON per mark (scenario.h). After the mark "end" it
waits until its standard input is closed, or ends by itself. All times are of
CLOCK_MONOTONIC, which the scenario, this program and the samples share.
"""

import json
import os
import selectors
import subprocess
import tempfile
import time

from . import process

SAMPLE_NS = 25_000_000
GRACE_NS = 10_000_000_000   # to end in, once the standard input is closed


class RunFailed(Exception):
    """Why there is no sample."""


def take_reading(pid, with_switches):
    """All that is looked at some time after a mark."""
    cpu_s, faults = process.usage(pid)
    reading = {
        "t_ns": time.monotonic_ns(),
        "rss_bytes": process.rss_bytes(pid),
        "peak_bytes": process.peak_bytes(pid),
        "cpu_s": cpu_s,
        "helper_cpu_s": process.helper_cpu_s(pid),
        "minor_faults": faults,
    }
    if with_switches:
        reading["switches"] = process.voluntary_switches(pid)
    return reading


class Child:
    """A started scenario. drive() lets several of them run to their ends."""

    def __init__(self, scenario, allocator, command, timeout_s):
        self.scenario = scenario
        self.allocator = allocator
        self.series = []        # (t_ns, rss_bytes)
        self.marks = []         # what the scenario said, in order
        self.readings = {}      # by name, as take_reading() makes them
        self.failure = None
        self.proof = None       # the files that were mapped, at the first mark
        self._due = []          # (t_ns, reading of the scenario)
        self._text = b""
        self._errors = tempfile.TemporaryFile()
        self.has_ended = False
        self._leaves_ns = None
        self._timeout_s = timeout_s
        self._next_sample_ns = self._start_ns = time.monotonic_ns()
        self._process = subprocess.Popen(
            command, env=allocator.environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors)
        self._pid = self._process.pid   # of the process to look at
        os.set_blocking(self._process.stdout.fileno(), False)

    def fileno(self):
        return self._process.stdout.fileno()

    def still_runs(self):
        return not self.has_ended

    def has_said(self, name):
        return any(mark["mark"] == name for mark in self.marks)

    def cpu_s(self):
        """Of the process and of those that it has waited for; 0 once it was waited
        for itself, and counts among the runner's."""
        try:
            return 0.0 if self.has_ended else process.family_cpu_s(self._pid)
        except process.Gone:
            return 0.0

    def next_ns(self):
        return min([self._next_sample_ns] + [due for due, _ in self._due])

    def on_time(self):
        """Samples and reads what is due. Of a process that has ended there is
        nothing to see: its output says so, too."""
        now = time.monotonic_ns()
        try:
            if now >= self._next_sample_ns:
                self._sample(now)
            self._read_due(now)
        except process.Gone:
            pass
        self._leave_when_done(now)
        self._watch_time(now)

    def _sample(self, now):
        """On a fixed beat. What is left of a process that leaves is no curve."""
        behind = now - self._next_sample_ns
        self._next_sample_ns += SAMPLE_NS * (1 + behind // SAMPLE_NS)
        if self._leaves_ns is not None:
            return
        size = process.rss_bytes(self._pid)
        if size == 0:
            raise process.Gone  # exited, but not waited for
        self.series.append((now, size))

    def _read_due(self, now):
        for item in [item for item in self._due if item[0] <= now]:
            self._due.remove(item)
            _, wanted = item
            self.readings[wanted.name] = take_reading(self._pid, wanted.with_switches)

    def _leave_when_done(self, now):
        is_done = self.has_said("end") and not self._due
        if is_done and self._leaves_ns is None:
            self._leaves_ns = now
            self._process.stdin.close()

    def _watch_time(self, now):
        if now - self._start_ns > self._timeout_s * 1e9:
            self._fail(f"took longer than {self._timeout_s:g} s")
        elif self._leaves_ns is not None and now - self._leaves_ns > GRACE_NS:
            self._fail("did not end when its standard input was closed")

    def _fail(self, why):
        self.failure = self.failure or why
        self._process.kill()

    def on_output(self):
        """Reads what the scenario said; False when it says no more."""
        try:
            text = os.read(self.fileno(), 65536)
        except BlockingIOError:
            return True
        self._text += text
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            self._on_line(line)
        return bool(text)

    def _on_line(self, line):
        if not line.startswith(b"{"):
            return  # a JVM's warnings go to standard output, too
        try:
            mark = json.loads(line)
            self._on_mark(mark, mark["mark"], mark["t_ns"])
        except (ValueError, KeyError, TypeError):
            self._fail(f"said what is no mark: {line[:80]!r}")
        except process.Gone:
            pass

    def _look_at(self, pid):
        """What was started may have started the scenario: its curve begins now."""
        if pid != self._pid:
            self.series.clear()
        self._pid = pid

    def _on_mark(self, mark, name, t_ns):
        if not self.marks:
            self._look_at(mark.get("pid", self._pid))
            self.proof = process.mapped_files(self._pid)
        self.marks.append(mark)
        for wanted in self.scenario.readings:
            if wanted.mark == name:
                self._due = [item for item in self._due if item[1] is not wanted]
                self._due.append((t_ns + int(wanted.after_s * 1e9), wanted))

    def finish(self):
        """Waits for the process; from here on, failure is None or final."""
        self._process.stdout.close()
        if not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_NS / 1e9)
        except subprocess.TimeoutExpired:
            self._fail("closed its standard output and did not end")
            self._process.wait()
        self.failure = self.failure or self._how_it_ended()
        self.has_ended = True

    def _how_it_ended(self):
        code = self._process.returncode
        if code != 0:
            how = (f"was killed by signal {-code}" if code < 0
                   else f"ended with status {code}")
            self._errors.seek(0)
            words = self._errors.read().decode(errors="replace").strip().splitlines()
            return how + (f": {words[-1]}" if words else "")
        missing = [r.name for r in self.scenario.readings if r.name not in self.readings]
        return f"ended before {', '.join(missing)} could be read" if missing else None

    def stop(self):
        """For an interrupted run."""
        self._process.kill()
        self.finish()


class Crowd:
    """Children that run side by side while the `with` lasts; those that still run
    when it is left by an exception are stopped."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        if kind is not None:
            for child in self.alive():
                child.stop()
        self._selector.close()

    def add(self, child):
        self._selector.register(child, selectors.EVENT_READ, child)

    def alive(self):
        return [key.data for key in self._selector.get_map().values()]

    def run_while(self, condition):
        """As long as any child runs and the condition holds."""
        while self._selector.get_map() and condition():
            self._step()

    def _step(self):
        alive = self.alive()
        next_ns = min(child.next_ns() for child in alive)
        wait_s = max(0.0, (next_ns - time.monotonic_ns()) / 1e9)
        for key, _ in self._selector.select(wait_s):
            if not key.data.on_output():
                self._selector.unregister(key.data)
                key.data.finish()
                alive.remove(key.data)
        for child in alive:
            child.on_time()


def drive(children):
    """Lets the children run to their ends, side by side."""
    with Crowd() as crowd:
        for child in children:
            crowd.add(child)
        crowd.run_while(lambda: True)

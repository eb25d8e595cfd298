"""record.py -- one run of a Java program, its memory sampled from outside.

The program prints "phase NAME MILLIS" and "result KEY VALUE" lines, and after
"phase end" waits until its standard input is closed (see Bursts.java). Resident
memory is read from /proc/PID/status, which costs the program nothing; the
detailed /proc/PID/smaps, which stops it for a while, once, at the end.
"""

import os
import re
import statistics
import subprocess
import tempfile
import threading
import time

SAMPLE_SECONDS = 0.1
HEAP = re.compile(r"Heap address: (0x[0-9a-f]+), size: (\d+) MB")
MB = 1 << 20


class RunFailed(Exception):
    """The program did not do what it should; the text says what it said."""


class Recording:
    """What was seen of one run. Times are seconds since its start, sizes bytes."""

    def __init__(self):
        self.samples = []       # (seconds, resident bytes)
        self.phases = []        # (seconds, name)
        self.results = {}       # what the program says of itself
        self.peak = 0
        self.java_heap = None   # resident bytes of it at the end; None: unknown
        self.cpu_seconds = 0.0  # of all its threads, user and system
        self.mapped = False     # whether the preloaded library really was there

    @property
    def end(self):
        return next(at for at, name in self.phases if name == "end")

    @property
    def after_idle(self):
        """Resident bytes in the last second of idling."""
        return statistics.median(size for at, size in self.samples
                                 if self.end - 1 <= at <= self.end)

    @property
    def native_after_idle(self):
        return None if self.java_heap is None else self.after_idle - self.java_heap

    @property
    def throughput(self):
        return float(self.results["requests_per_second"])


def status_bytes(pid, key):
    """A value of /proc/PID/status in bytes; 0 when the process has ended."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def cpu_seconds(pid):
    """What all threads of a process have used of the processors so far."""
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
        # After the name, which stands in parentheses and may have blanks.
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_between(pid, low, high):
    """Resident bytes of the mappings in [low, high)."""
    total = 0
    inside = False
    with open("/proc/%d/smaps" % pid, encoding="utf-8", errors="replace") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if head:
                inside = low <= int(head.group(1), 16) and int(head.group(2), 16) <= high
            elif inside and line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    return total


def is_mapped(pid, library):
    with open("/proc/%d/maps" % pid, encoding="utf-8", errors="replace") as file:
        return any(line.rstrip().endswith(os.path.realpath(library)) for line in file)


class Runner:
    """Runs a program once under one allocator."""

    def __init__(self, command, preload=None, on_sample=None):
        self.command = command
        self.preload = preload
        # Called with (seconds, phase, resident bytes), for showing progress.
        self.on_sample = on_sample or (lambda *_: None)
        self.recording = Recording()
        self.heap = None
        self.ended = threading.Event()
        self.phase = "start"

    def environment(self):
        env = dict(os.environ)
        for name in ("LD_PRELOAD", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"):
            env.pop(name, None)
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        return env

    def read_output(self, stream, begun):
        """Follows the program's standard output until it closes."""
        for line in stream:
            words = line.split()
            heap = HEAP.search(line)
            if heap:
                start = int(heap.group(1), 16)
                self.heap = (start, start + int(heap.group(2)) * MB)
            elif len(words) == 3 and words[0] == "phase":
                self.phase = words[1]
                self.recording.phases.append((int(words[2]) / 1000 - begun, words[1]))
                if words[1] == "end":
                    self.ended.set()
            elif len(words) == 3 and words[0] == "result":
                self.recording.results[words[1]] = words[2]

    def sample_until_end(self, process, begun):
        due = time.monotonic()
        while not self.ended.is_set() and process.poll() is None:
            resident = status_bytes(process.pid, "VmRSS")
            at = time.time() - begun
            if resident:
                self.recording.samples.append((at, resident))
                self.on_sample(at, self.phase, resident)
            due = max(due + SAMPLE_SECONDS, time.monotonic())
            self.ended.wait(due - time.monotonic())

    def look_closely(self, pid):
        """What is read once, while the program waits for its end."""
        self.recording.cpu_seconds = cpu_seconds(pid)
        self.recording.peak = status_bytes(pid, "VmHWM")
        if self.preload:
            self.recording.mapped = is_mapped(pid, self.preload)
        if self.heap:
            self.recording.java_heap = resident_between(pid, *self.heap)

    def run(self):
        """Runs the program to its end. Raises RunFailed if that is a bad one."""
        with tempfile.TemporaryFile("w+") as errors:
            begun = time.time()
            process = subprocess.Popen(self.command, env=self.environment(), text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
            reader = threading.Thread(target=self.read_output, args=(process.stdout, begun))
            reader.start()
            try:
                self.sample_until_end(process, begun)
                if self.ended.is_set():
                    self.look_closely(process.pid)
                process.stdin.close()
                status = process.wait(timeout=60)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                reader.join()
            errors.seek(0)
            said = errors.read()
        if status != 0 or not self.ended.is_set():
            raise RunFailed("%s\nended with status %d; on standard error it said:\n%s"
                            % (" ".join(self.command), status, said.strip() or "nothing"))
        if self.preload and not self.recording.mapped:
            raise RunFailed("%s was not loaded; on standard error the program said:\n%s"
                            % (self.preload, said.strip() or "nothing"))
        return self.recording

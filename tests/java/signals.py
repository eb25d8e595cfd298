#!/usr/bin/env python3
"""signals.py -- a JVM under load is asked for its statistics a thousand times, by the
signal; it lives, and gives each thread dump that it is asked for meanwhile.
"""

import glob
import json
import os
import signal
import subprocess
import time

import jvm
from jvm import tap

NSIGNALS = 1000
NDUMPS = 20
# Longer than the signals take: it is ended after them.
LOADS = ["strings:10", "gzip:8,60", "direct:8,120", "jni:4,6000", "gzip:8,6000"]
ENDED = 128 + signal.SIGTERM
PATIENCE = 60


class Running:
    """A JVM whose output goes to a file."""

    def __init__(self, bench, conf, options):
        self.bench = bench
        self.path = os.path.join(bench.folder, "output")
        with open(self.path, "wb") as file:
            self.process = subprocess.Popen(
                bench.load_command(options, LOADS), cwd=bench.folder, env=bench.environment(conf),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        self.wait_for(lambda: "passed strings:10" in self.said())

    def said(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def dumps(self):
        return self.said().count("Full thread dump")

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True


def storm(one):
    """The signals, with one for a thread dump after each fiftieth; what did not come."""
    for i in range(NSIGNALS):
        if one.process.poll() is not None:
            yield "the JVM ended after %d signals: there was no load for the others" % i
            return
        os.kill(one.process.pid, signal.SIGURG)
        # So that they meet different moments: signals that are pending are one.
        time.sleep(0.001)
        if (i + 1) % (NSIGNALS // NDUMPS) == 0:
            before = one.dumps()
            os.kill(one.process.pid, signal.SIGQUIT)
            for _ in range(5):
                os.kill(one.process.pid, signal.SIGURG)
            if not one.wait_for(lambda before=before: one.dumps() > before):
                yield "the thread dump after %d signals did not come" % (i + 1)
                return


def reports(folder):
    """In order; those that are being written have other names."""
    paths = [path for path in glob.glob(folder + "/report.*") if path.rpartition(".")[2].isdigit()]
    return sorted(paths, key=lambda path: int(path.rpartition(".")[2]))


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def last_is_answered(one, folder):
    now_ms = time.time_ns() // 1000000
    os.kill(one.process.pid, signal.SIGURG)
    if not one.wait_for(lambda: any(read(path)["time_ms"] >= now_ms for path in reports(folder)[-1:])):
        yield "no report followed the last signal"


def survives(bench, options):
    for path in reports(bench.folder):
        os.remove(path)
    one = Running(bench, "dump_path:%s/report.%%n,dump_form:json,dump_keep:1000" % bench.folder, options)
    try:
        yield from storm(one)
        yield from last_is_answered(one, bench.folder)
        one.process.terminate()
        status = one.process.wait(PATIENCE)
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
    said = one.said()
    yield from jvm.complaints_of(0 if status == ENDED else status, said, bench.folder)
    if one.dumps() != NDUMPS:
        yield "%d thread dumps instead of %d" % (one.dumps(), NDUMPS)
    for path in reports(bench.folder):
        if read(path)["pid"] != one.process.pid:
            yield "%s is another process's" % path


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM is asked by signals"):
        for name, options in (("", []), (" with ZGC", ["-XX:+UseZGC"]), (" with -Xcheck:jni", ["-Xcheck:jni"])):
            report.sentence("%s%s lives through %d signals under load and loses no thread dump"
                            % (bench.jdk, name, NSIGNALS), survives(bench, options))
            report.note("%d reports were written" % len(reports(bench.folder)))
    report.end()


if __name__ == "__main__":
    main()

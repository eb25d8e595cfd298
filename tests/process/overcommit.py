#!/usr/bin/env python3
"""overcommit.py -- tests/process/commit under the kernel's own overcommit mode 2.

The mode is the whole machine's, so nothing happens without TRI_OVERCOMMIT=1
(`make check-overcommit`). For the seconds that it takes, the commit limit stands
at what is committed and TRI_COMMIT_ROOM_MIB (2,560) beside what the test needs:
others go on, but for those that reserve more in that moment, as sanitizers do.
With TRI_COMMIT_ROOM_MIB=0, on a machine of one's own, threads take all of it.
A process of its own restores the mode: also when this one is killed.
"""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules"))
import tap  # noqa: E402

VM = "/proc/sys/vm/overcommit_"
SENTENCE = "in the kernel's mode 2 threads hear no, and give back"
RESTORED = "the machine has the mode that it had"
MIB_KIB = 1024
# What the test itself has at most, its stacks and its runner among it.
OWN_MIB = 768
WINDOW_SECONDS = 15


def read(name):
    with open(VM + name) as f:
        return f.read().strip()


def write(name, text):
    with open(VM + name, "w") as f:
        f.write(text)


def committed_kib():
    with open("/proc/meminfo") as f:
        return int(next(line for line in f if line.startswith("Committed_AS")).split()[1])


def state():
    return {name: read(name) for name in ("memory", "ratio", "kbytes")}


def restore(old):
    """Of ratio and kbytes the one that is set makes the other one 0."""
    write("memory", old["memory"])
    name = "kbytes" if old["kbytes"] != "0" else "ratio"
    write(name, old[name])


def start_restorer(old):
    """A child that restores when the returned end is closed, or it takes too long."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(writing)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: (restore(old), os._exit(1)))
        signal.alarm(WINDOW_SECONDS)
        os.read(reading, 1)
        restore(old)
        os._exit(0)
    os.close(reading)
    return pid, writing


def run_in_mode_2(room_mib, notes):
    """What the test printed; empty if it ran out of time."""
    program = os.path.join(os.environ.get("top_builddir", "."), "tests/process/commit")
    env = dict(os.environ, TRI_COMMIT_ROOM_MIB=str(room_mib), CMOCKA_MESSAGE_OUTPUT="TAP")
    old = state()
    pid, end = start_restorer(old)
    begin = time.monotonic()
    try:
        before = committed_kib()
        write("kbytes", str(before + (room_mib + OWN_MIB) * MIB_KIB))
        write("memory", "2")
        done = subprocess.run([program], env=env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=WINDOW_SECONDS - 2, check=False)
        said = done.stdout
        notes.append("mode %s, committed %d MiB, %d MiB more were allowed" %
                     (read("memory"), before // MIB_KIB, room_mib + OWN_MIB))
    except subprocess.TimeoutExpired:
        said = ""
    finally:
        os.close(end)
        os.waitpid(pid, 0)
    notes.append("for %.1f s" % (time.monotonic() - begin))
    return said, old


def main():
    report = tap.Report()
    if os.environ.get("TRI_OVERCOMMIT") != "1":
        report.skip(SENTENCE, "make check-overcommit changes the machine's mode")
    elif not os.access(VM + "memory", os.W_OK) or not os.access(VM + "kbytes", os.W_OK):
        report.skip(SENTENCE, "the mode of this machine may not be changed")
    elif read("memory") == "2":
        report.skip(SENTENCE, "this machine has the mode, with a limit of its own")
    else:
        notes = []
        said, old = run_in_mode_2(int(os.environ.get("TRI_COMMIT_ROOM_MIB", "2560")), notes)
        held = any(line.startswith("ok ") and "SKIP" not in line for line in said.splitlines())
        bad = "not ok" in said or not held
        report.sentence(SENTENCE, [said or "it took too long"] if bad else [])
        report.sentence(RESTORED, [] if state() == old else ["%s, before %s" % (state(), old)])
        for note in notes + said.splitlines():
            report.note(note)
    report.end()


if __name__ == "__main__":
    main()

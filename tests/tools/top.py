#!/usr/bin/env python3
"""top.py -- trimalloc top shows processes, and what is in one, live and once."""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

import tool as t
from tool import fake, folder, tap, tool

UTF8 = {"LC_ALL": "C.UTF-8"}
SECONDS = 30


class Screen:
    """A terminal of the size that `top` is drawn for, as far as its escape sequences go."""

    def __init__(self, *words, rows=30, columns=120, **env):
        self.rows, self.columns = rows, columns
        self.clear()
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = t.environment(TERM="vt100", **UTF8)
        variables.update(env)
        self.process = subprocess.Popen([t.TOOL, "top", *map(str, words)], stdin=slave,
                                        stdout=slave, stderr=slave, env=variables,
                                        start_new_session=True)
        os.close(slave)
        self.rest = ""

    def clear(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.y = self.x = 0

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def put(self, c):
        if c == "\n":
            self.y = min(self.y + 1, self.rows - 1)
        elif c == "\r":
            self.x = 0
        elif c == "\b":
            self.x = max(self.x - 1, 0)
        elif c == "\t":
            self.x = min((self.x // 8 + 1) * 8, self.columns - 1)
        elif c >= " ":
            if self.x >= self.columns:
                self.x, self.y = 0, self.y + 1
            self.y = max(0, min(self.y, self.rows - 1))
            self.cells[self.y][self.x] = c
            self.x += 1

    def obey(self, numbers, what):
        numbers = [int(n or 0) for n in numbers.split(";")] if numbers.strip("?") else [0]
        if what == "H":
            self.y = max(numbers[0], 1) - 1
            self.x = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif what == "J":
            for y in range(max(self.y, 0), self.rows):
                for x in range(self.x if y == self.y else 0, self.columns):
                    self.cells[y][x] = " "
        elif what == "K":
            first, last = {0: (self.x, self.columns), 1: (0, self.x + 1)}[numbers[0]]
            for x in range(first, min(last, self.columns)):
                self.cells[min(self.y, self.rows - 1)][x] = " "
        elif what in "ABCD":
            n = max(numbers[0], 1)
            self.y = max(self.y + {"A": -n, "B": n}.get(what, 0), 0)
            self.x = max(self.x + {"D": -n, "C": n}.get(what, 0), 0)

    def feed(self, text):
        self.rest += text
        pattern = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78]|(\x1bM)|\x0f|\x0e"
                             r"|([^\x1b])", re.DOTALL)
        at = 0
        while True:
            match = pattern.match(self.rest, at)
            if not match:
                break
            at = match.end()
            if match.group(3):
                self.y = max(self.y - 1, 0)
            elif match.group(4):
                self.put(match.group(4))
            elif match.group(2) and not match.group(1).startswith("?"):
                self.obey(match.group(1), match.group(2))
        self.rest = self.rest[at:]

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self.master, 65536)
        except OSError:
            return False
        self.feed(got.decode("utf-8", "replace"))
        return bool(got)

    def shows(self, *words, seconds=SECONDS):
        """Waits until the picture has all the words; complaints."""
        deadline = time.monotonic() + seconds
        while not all(re.search(w, self.text(), re.MULTILINE) for w in words):
            left = deadline - time.monotonic()
            if left <= 0 or self.process.poll() is not None and not self.read(0):
                return ["the picture lacks %s:\n%s" % (
                    [w for w in words if not re.search(w, self.text(), re.MULTILINE)], self.text())]
            self.read(min(left, 0.5))
        return []

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ends(self):
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.1)
        # It may have ended before anything of it was read.
        while self.read(0):
            pass
        return self.process.poll()


@contextlib.contextmanager
def screen(*words, **options):
    one = Screen(*words, **options)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        os.close(one.master)


def prints_the_list():
    with folder() as one, folder() as two, folder() as three, \
            fake(one, "--comm", "big", "--allocated", str(90 << 20)) as p, \
            fake(two, "--comm", "small", "--allocated", str(7 << 20)) as q, \
            fake(three, "--comm", "quiet", socket=None) as r:
        said = tool("top", "--once", "--sort", "allocated")
        yield from said.wrong(0, out=["PID", "COMMAND", "RSS", "by allocated"])
        rows = {int(line.split()[0]): line for line in said.out.splitlines()
                if line.split()[0].isdigit()}
        for process, words in ((p, ["big", "90.0 MiB", "3.0 MiB", "high"]),
                               (q, ["small", "7.0 MiB"]), (r, ["quiet", "no socket"])):
            yield from ["row of %s lacks %s: %s" % (words[0], w, rows.get(process.pid))
                        for w in words if w not in rows.get(process.pid, "")]
        order = [pid for pid in rows if pid in (p.pid, q.pid, r.pid)]
        if order != [p.pid, q.pid, r.pid]:
            yield "sorted by allocated bytes: %s" % said.out
        by_pid = tool("top", "--once", "-s", "pid").out
        pids = [int(w.split()[0]) for w in by_pid.splitlines() if w.split()[0].isdigit()]
        if pids != sorted(pids):
            yield "sorted by pid: %s" % pids
        if "\033" in said.out:
            yield "colours in a pipe"


def prints_each_tab():
    with folder() as path, fake(path) as p:
        for words, shown in (
                ((p.pid,), ["allocated", "48.0 MiB", "80.0 %", "pressure: high; 400.0 MiB used of "
                            "512.0 MiB", "trim thread: 2.5 ms", "RSS of the process"]),
                (("--tab", "arenas", p.pid), ["ARENA", "30.0 MiB", "29.0 MiB", "WAITS"]),
                (("--tab", "classes", p.pid), ["SIZE", "\n    48       2", "FLUSHES"]),
                (("--tab", "threads", p.pid), ["TID", "pool-1", "250 ms", 'odd "name\\', "yes"])):
            yield from tool("top", "--once", *words).wrong(0, out=shown)
        threads = tool("top", "--once", "--tab", "threads", p.pid).out
        if threads.index("pool-1") > threads.index("main"):
            yield "the largest cache is not first: %s" % threads
    with folder() as path, fake(path, socket=None) as p:
        yield from tool("top", "--once", p.pid).wrong(5, err="no control socket")
    for words in (("--tab", "arenas"), ("--tab", "x", 1), ("--sort", "x"), ("-d", "x"), (1, 2)):
        yield from tool("top", "--once", *words).wrong(2, err="trimalloc top --help")
    yield from tool("top").wrong(1, err=["no terminal", "--once"])


def names_cannot_steer():
    """A process may be called what it likes, even what a terminal obeys: U+009B is ESC [."""
    for mode in ("good", "steers"):
        with folder() as path, fake(path, "--comm", "\033[2J\u009b31mx", "--mode", mode) as p:
            for words in (("top", "--once"), ("stats", p.pid, "--prometheus"), ("trim", p.pid),
                          ("stats", p.pid), ("stats", "--json", p.pid), ("options", p.pid),
                          ("ctl", p.pid, "epoch"), ("dump", "--socket", p.pid)):
                said = tool(*words)
                for steers in "\033", "\u009b", "\x07", "\0":
                    if steers in said.out + said.err:
                        yield "%s lets %r through" % (words, steers)


def walks():
    with folder() as one, folder() as two, fake(one, "--comm", "first") as p, \
            fake(two, "--comm", "second") as q:
        with screen("-s", "pid", "-d", "0.1") as s:
            yield from s.shows(r"^ *%d first" % p.pid, r"^ *%d second" % q.pid, "by pid", "q quit")
            s.press("s")
            yield from s.shows("by command")
            s.press("r")
            yield from s.shows("by command, reversed")
            s.press("r" + "s" * 6)
            yield from s.shows("by pid")
        with screen("-d", "0.1", p.pid) as s:
            yield from s.shows("summary of process %d" % p.pid, "allocated +48.[0-9] MiB",
                               "RSS of the process", "[▁▂▃▄▅▆▇█]{4}")
            s.press("\t")
            yield from s.shows("arenas of process", "^ +1 +1 +29.0 MiB")
            s.press("3")
            yield from s.shows("classes of process", "^ +48 +2 ")
            s.press("4")
            yield from s.shows("threads of process", "pool-1")
            s.press("t")
            yield from s.shows("process %d gave back 3.0 MiB" % p.pid)
            s.press("1")
            yield from s.shows("summary of process")
            p.kill()
            yield from s.shows("no process %d|has ended" % p.pid)
            s.press("q")
            if s.ends() != 0:
                yield "q ended it with %s" % s.process.poll()


def enters_what_is_chosen():
    with folder() as one, fake(one, "--comm", "AAA") as p:
        with screen("-s", "command", "-d", "0.1") as s:
            yield from s.shows(r"^ *%d AAA" % p.pid)
            s.press("\r")
            yield from s.shows("summary of process %d" % p.pid)
            s.press("\033")
            yield from s.shows("COMMAND", r"^ *%d AAA" % p.pid)
            s.press("\r")
            yield from s.shows("summary of process %d" % p.pid)
            s.press("q")
            if s.ends() != 0:
                yield "q ended it with %s" % s.process.poll()


def answers_keys_while_one_hangs():
    with folder() as one, folder() as two, fake(one, "--mode", "silent", "--comm", "hung") as p, \
            fake(two, "--comm", "well") as q, screen("-s", "pid", "-d", "0.1") as s:
        yield from s.shows(r"^ *%d hung.*hangs" % p.pid, r"^ *%d well.*48.[0-9] MiB" % q.pid)
        # Who gathered between two keys would take a second for each of them.
        took = []
        for name in ("command", "rss", "allocated", "cached", "dirty"):
            started = time.monotonic()
            s.press("s")
            yield from s.shows("by " + name)
            took.append(time.monotonic() - started)
        if min(took) > 0.5:
            yield "keys took %s s" % took


def survives_any_size():
    with folder() as path, fake(path) as p:
        for rows, columns in ((1, 1), (2, 10), (5, 300), (100, 20)):
            for words in ((), (p.pid,)):
                with screen("-d", "0.1", *words, rows=rows, columns=columns) as s:
                    for keys in ("j", "k", "\033[6~", "\t", "\t", "\t", "\r", "t"):
                        s.press(keys)
                        s.read(0.05)
                    s.press("q")
                    if s.ends() != 0:
                        yield "%d rows of %d: %s" % (rows, columns, s.process.poll())
        with screen("-d", "0.1", p.pid) as s:
            yield from s.shows("summary of process")
            fcntl.ioctl(s.master, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
            os.kill(s.process.pid, signal.SIGWINCH)
            yield from s.shows("summary of process", r"\A(.*\n){9}q quit")


def ends_well():
    with folder() as path, fake(path) as p:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with screen(p.pid) as s:
                yield from s.shows("summary of process")
                s.process.send_signal(number)
                if s.ends() != 0:
                    yield "signal %d ended it with %s" % (number, s.process.poll())
        with screen(p.pid, TERM="no-such-terminal") as s:
            if s.ends() != 1:
                yield "an unknown terminal: %s" % s.process.poll()
            if "TERM" not in s.text():
                yield "an unknown terminal: %s" % s.text()


def main():
    report = tap.Report()
    if not t.has_part("top"):
        report.skip("top shows processes", "ncursesw or jansson is not in this build")
        report.end()
    for sentence, complaints in (
            ("top --once prints the processes, sorted", prints_the_list()),
            ("top --once prints each tab of one process", prints_each_tab()),
            ("no name of a process or a thread can steer a terminal", names_cannot_steer()),
            ("keys walk through sorting, tabs and trimming", walks()),
            ("Enter looks into what is chosen, Esc goes back", enters_what_is_chosen()),
            ("keys are answered while a process hangs", answers_keys_while_one_hangs()),
            ("terminals of any size do not end it", survives_any_size()),
            ("signals and unknown terminals end it well", ends_well())):
        report.sentence(sentence, complaints)
    report.end()


main()

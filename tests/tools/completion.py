#!/usr/bin/env python3
"""completion.py -- bash and zsh complete the command, as it is."""

import fcntl
import os
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import tool as t
from tool import fake, folder, tap, tool

FOLDER = os.path.join(t.SOURCE, "tools/completions")
BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
compopt() { :; }
_trimalloc
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(*words):
    """What is offered for the last word."""
    run = subprocess.run(["bash", "-c", BASH, "bash", os.path.join(FOLDER, "trimalloc.bash"),
                          t.TOOL, *words], capture_output=True, text=True, check=False,
                         env=t.environment())
    return run.stdout.split(), run.stderr


def commands():
    return re.findall(r"^  (\w+) ", tool("--help").out, re.MULTILINE)


def options(name):
    return re.findall(r"(--\w+)", tool(name, "--help").out.split("\n\n", 2)[2])


def bash_knows_all():
    offered, err = bash("")
    yield from [err] if err else []
    yield from ["no command %s" % c for c in commands() if c not in offered]
    yield from ["too few commands"] if len(commands()) < 9 else []
    for name in commands():
        have, err = bash(name, "-")
        if err or set(o for o in have if o.startswith("--")) != set(options(name)):
            yield "%s: offered %s, there is %s %s" % (name, have, options(name), err)


def bash_knows_values():
    with folder() as path, fake(path) as p:
        for name in ("stats", "top", "trim", "ctl", "dump", "options"):
            if str(p.pid) not in bash(name, "")[0]:
                yield "%s: the process is not offered" % name
        if "trimalloc.decay_ms" not in bash("ctl", str(p.pid), "trim")[0]:
            yield "ctl: no names of the process"
        if "version" in bash("ctl", str(p.pid), "trim")[0]:
            yield "ctl: names that do not begin so"
    if "decay_ms:" not in bash("run", "-o", "dec")[0]:
        yield "run -o: no options: %s" % (bash("run", "-o", "dec"),)
    if bash("top", "--tab", "cl")[0] != ["classes"]:
        yield "top --tab: %s" % bash("top", "--tab", "cl")[0]
    if "true" not in bash("run", "tru")[0]:
        yield "run: no programs"


def zsh_knows_all():
    with open(os.path.join(FOLDER, "_trimalloc"), encoding="utf-8") as file:
        text = file.read()
    for name in commands():
        part = re.search(r"^\t%s\)\n(.*?);;" % name, text, re.MULTILINE | re.DOTALL)
        if "'%s:" % name not in text or not part:
            yield "no command %s" % name
            continue
        have = set(re.findall(r"--[a-z]+", part.group(1).replace("$timeout", "--timeout")))
        if have != set(options(name)):
            yield "%s: has %s, there is %s" % (name, sorted(have), sorted(set(options(name))))


class Zsh:
    """zsh on a terminal, with our completion."""

    def __init__(self):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        path = "%s:%s" % (os.path.dirname(t.TOOL), os.environ["PATH"])
        self.process = subprocess.Popen(["zsh", "-f", "-i"], stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        env=t.environment(TERM="dumb", PATH=path))
        os.close(slave)
        self.said = ""
        self.write("PS1='> '; fpath=('%s' $fpath); autoload -U compinit; compinit -u -D; "
                   "setopt nobeep; LISTMAX=1000; print BE''GUN\n" % FOLDER)
        self.shows("BEGUN")

    def write(self, text):
        os.write(self.master, text.encode())

    def shows(self, word, seconds=30):
        deadline = time.monotonic() + seconds
        while word not in self.said:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return False
            self.said += os.read(self.master, 65536).decode(errors="replace")
        return True

    def completes(self, line, word):
        """Complaints: what is not there when a line is completed."""
        self.said = ""
        self.write(line + "\t\t")
        shown = self.shows(word, 10)
        said = self.said
        self.write("\x15print DO''NE\n")
        self.shows("DONE")
        return [] if shown else ["'%s' gives no '%s': %r" % (line, word, said[-500:])]

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def zsh_completes(report):
    sentence = "zsh offers commands, options, processes and names"
    if shutil.which("zsh") is None:
        report.skip(sentence, "there is no zsh here")
        return

    def complaints():
        zsh = Zsh()
        try:
            with folder() as path, fake(path) as p:
                yield from zsh.completes("trimalloc exp", "trimalloc exporter")
                yield from zsh.completes("trimalloc stats --j", "trimalloc stats --json")
                yield from zsh.completes("trimalloc run -o dec", "trimalloc run -o decay_ms:")
                yield from zsh.completes("trimalloc top --tab cl", "--tab classes")
                yield from zsh.completes("trimalloc trim ", str(p.pid))
                yield from zsh.completes("trimalloc ctl %d opt." % p.pid, "opt.narenas")
        finally:
            zsh.end()
    report.sentence(sentence, complaints())


def main():
    report = tap.Report()
    report.sentence("bash offers every command and every option", bash_knows_all())
    report.sentence("bash offers processes, names, options and programs", bash_knows_values())
    report.sentence("zsh's file has every command and every option", zsh_knows_all())
    zsh_completes(report)
    report.end()


main()

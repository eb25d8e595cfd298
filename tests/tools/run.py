#!/usr/bin/env python3
"""run.py -- trimalloc run starts programs with the library in malloc's place."""

import os
import re
import shutil
import struct
import subprocess

import tool as t
from tool import tap, tool

SHOW = ["/bin/sh", "-c", "echo \"$TRIMALLOC_CONF\"; echo \"$LD_PRELOAD\""]


def shown(*words, **env):
    """What a program sees of its variables."""
    said = tool("run", "--lib", t.LIBRARY, *words, *SHOW, env=t.environment(**env))
    return (said.out.splitlines() + ["", ""])[:2], said


def preloads():
    said = tool("run", "--", "/bin/cat", "/proc/self/maps")
    yield from said.wrong(0, out="libtrimalloc.so")
    yield from ["malloc is not the library's: %s" % said.err] if said.err else []


def keeps_preloads():
    lines, said = shown("--", LD_PRELOAD="/lib/x86_64-linux-gnu/libm.so.6")
    if lines[1] != os.path.realpath(t.LIBRARY) + ":/lib/x86_64-linux-gnu/libm.so.6":
        yield "LD_PRELOAD is '%s'; %s" % (lines[1], said.err)
    lines, said = shown("--", LD_PRELOAD=os.path.realpath(t.LIBRARY))
    if lines[1] != os.path.realpath(t.LIBRARY):
        yield "named twice: '%s'" % lines[1]


def merges_options():
    cases = [(["-o", "decay_ms:5"], "", "decay_ms:5"),
             (["-o", "decay_ms:5", "--option=narenas:1"], "", "decay_ms:5,narenas:1"),
             (["-o", "decay_ms:5"], "narenas:2,decay_ms:9", "narenas:2,decay_ms:9,decay_ms:5"),
             ([], "narenas:2", "narenas:2"),
             (["--control"], "", "control:/tmp/trimalloc-%p.sock"),
             (["-o", "dump_path:/x/%p:%n"], "", "dump_path:/x/%p:%n")]
    for words, before, after in cases:
        lines, said = shown(*words, "--", **({"TRIMALLOC_CONF": before} if before else {}))
        if lines[0] != after:
            yield "%s after '%s' is '%s', not '%s'; %s" % (words, before, lines[0], after, said.err)


def later_options_win():
    said = tool("run", "-o", "stats_at_exit:true", "/bin/true",
                env=t.environment(TRIMALLOC_CONF="stats_at_exit:false"))
    yield from said.wrong(0, err="statistics, process")


def passes_arguments():
    said = tool("run", "/bin/echo", "-o", "--help", "--", "a b")
    yield from said.wrong(0, out="-o --help -- a b\n")
    said = tool("run", "--", "/bin/sh", "-c", "exit 7")
    yield from said.wrong(7)


def passes_signals():
    """What is ignored stays so across exec; subprocess undoes Python's own."""
    words = ["--", "/bin/grep", "SigIgn", "/proc/self/status"]
    yield from tool("run", *words).wrong(0, out=subprocess.run(
        words[1:], stdout=subprocess.PIPE, text=True, check=True).stdout)


def searches_path():
    with t.folder() as path:
        for name, mode in (("first/prog", 0o644), ("second/prog", 0o755)):
            os.makedirs(os.path.join(path, os.path.dirname(name)))
            with open(os.path.join(path, name), "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho %s\n" % name)
            os.chmod(os.path.join(path, name), mode)
        env = t.environment(PATH="%s/first:%s/second:/usr/bin:/bin" % (path, path))
        yield from tool("run", "prog", env=env).wrong(0, out="second/prog")
        env = t.environment(PATH="%s/first" % path)
        yield from tool("run", "prog", env=env).wrong(126, err=["cannot be executed", "chmod +x"])


def names_what_is_missing():
    yield from tool("run", "no-such-program").wrong(127, err=["no-such-program", "PATH"])
    yield from tool("run", "/no/such/program").wrong(127, err=["/no/such/program", "spelt"])
    yield from tool("run", "/etc/passwd").wrong(126, err=["/etc/passwd", "chmod +x"])
    yield from tool("run", "/tmp").wrong(126, err="/tmp")
    yield from tool("run").wrong(125, err=["what is to be run?", "trimalloc run --help"])
    yield from tool("run", "-o", "decay_ms", "true").wrong(125, err=["KEY:VALUE", "decay_ms"])
    yield from tool("run", "--no-such-option", "true").wrong(125, err="trimalloc run --help")
    yield from tool("run", "--lib", "/no/such.so", "true").wrong(125, err=["/no/such.so", "--lib"])
    yield from tool("run", "--lib", "/etc/passwd", "true").wrong(125, err="not a shared library")
    with t.folder() as path:
        script = os.path.join(path, "script")
        with open(script, "w", encoding="ascii") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(script, 0o755)
        yield from tool("run", script).wrong(127, err="interpreter is missing")


def refuses_unspeakable_paths():
    with t.folder() as path:
        place = os.path.join(path, "with space.so")
        shutil.copy(t.LIBRARY, place)
        yield from tool("run", "--lib", place, "true").wrong(125, err=["space", "copy it"])


def elf_header(bits, interpreter=b""):
    """The beginning of an ELF program: as much as is looked at."""
    ident = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    if bits == 32:
        return ident + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0, 52, 0, 0, 52, 32, 0, 0, 0, 0) \
            + bytes(64)
    head = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    kind = 3 if interpreter else 1
    return ident + head + struct.pack("<IIQQQQQQ", kind, 4, 120, 0, 0, len(interpreter),
                                      len(interpreter), 1) + interpreter


def warns_of_what_cannot_preload():
    cases = [("32", elf_header(32), "32-bit"), ("static", elf_header(64), "statically"),
             ("musl", elf_header(64, b"/lib/ld-musl-x86_64.so.1\0"), "musl")]
    with t.folder() as path:
        for name, content, word in cases:
            file = os.path.join(path, name)
            with open(file, "wb") as out:
                out.write(content)
            os.chmod(file, 0o755)
            script = file + ".sh"
            with open(script, "w", encoding="ascii") as out:
                out.write("#! %s -x\n" % file)
            os.chmod(script, 0o755)
            for program in (file, script):
                said = tool("run", program)
                if word not in said.err or "warning" not in said.err:
                    yield "%s: no warning of '%s': %s" % (program, word, said.err)
    if "warning" in tool("run", "/bin/true").err:
        yield "a warning about /bin/true"


def works_when_installed():
    """The library is found beside the command: bin/ and lib/."""
    with t.folder() as path:
        os.makedirs(os.path.join(path, "bin"))
        os.makedirs(os.path.join(path, "lib"))
        command = shutil.copy(t.TOOL, os.path.join(path, "bin"))
        said = subprocess.run([command, "run", "true"], env=t.environment(), check=False,
                              capture_output=True, text=True)
        if said.returncode != 125 and "trimalloc" not in said.stderr:
            if not os.path.exists("/usr/local/lib/libtrimalloc.so"):
                yield "it ran without a library: %s" % said.stderr
        place = shutil.copy(t.LIBRARY, os.path.join(path, "lib", "libtrimalloc.so"))
        said = subprocess.run([command, "run", "/bin/cat", "/proc/self/maps"], check=False,
                              env=t.environment(), capture_output=True, text=True)
        if place not in said.stdout:
            yield "%s is not mapped: %s" % (place, said.stderr)


def lists_options():
    with open(os.path.join(t.SOURCE, "alloc/base/options.def"), encoding="utf-8") as file:
        names = [line.split("(")[1].split(",")[0] for line in file if line.startswith("OPTION(")]
    said = tool("options", "--lib", t.LIBRARY)
    yield from said.wrong(0, out=["\n%s " % n for n in names[1:]])
    yield from ["no options in options.def"] if len(names) < 5 else []
    yield from tool("options", "--lib", "/no/such").wrong(1, err="--lib")


def helps():
    for name in ("run", "stats", "top", "trim", "ctl", "dump", "options", "exporter", "version"):
        said = tool(name, "--help")
        yield from said.wrong(0, out=["usage: trimalloc %s" % name, "--help"])
        yield from tool("help", name).wrong(0, out=said.out)
        yield from tool("--help").wrong(0, out="  %s" % name)
    yield from tool().wrong(2, err="usage: trimalloc COMMAND")
    yield from tool("no-such-command").wrong(2, err=["no-such-command", "trimalloc --help"])
    for word in ("version", "--version", "-V"):
        yield from tool(word).wrong(0, out="trimalloc ")


def manual_is_whole():
    """trimalloc(1) has a section for each command, with each of its options."""
    with open(os.path.join(t.SOURCE, "doc/trimalloc.1"), encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    sections = dict(part.split("\n", 1) for part in page.split("\n.SS ")[1:])
    commands = re.findall(r"^  (\w+) ", tool("--help").out, re.MULTILINE)
    if sorted(commands) != sorted(sections):
        yield "commands %s, sections %s" % (commands, sorted(sections))
    for name in commands:
        listing = tool(name, "--help").out.split("\n\n", 2)[2]
        for option in re.findall(r"--\w+", listing):
            if option != "--help" and option not in sections.get(name, ""):
                yield "%s %s is not told" % (name, option)
    with open(os.path.join(t.SOURCE, "tools/trimalloc/tool.h"), encoding="utf-8") as file:
        codes = re.findall(r"^\t[A-Z_]+ = (\d+),", file.read(), re.MULTILINE)
    status = page.split(".SH EXIT STATUS")[1].split("\n.SH")[0]
    yield from ["exit code %s is not told" % c for c in codes if ".B %s\n" % c not in status]
    yield from ["only %d exit codes" % len(codes)] if len(codes) < 12 else []


def groff_reads_it():
    if shutil.which("groff") is None:
        return []
    return subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8",
                           os.path.join(t.SOURCE, "doc/trimalloc.1")], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.splitlines()


def notices_a_full_disk():
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w", encoding="ascii") as full:
            said = subprocess.run([t.TOOL, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False, env=t.environment())
        if said.returncode != 1 or "cannot be written" not in said.stderr:
            yield "exit code %d, '%s'" % (said.returncode, said.stderr)


def main():
    report = tap.Report()
    for sentence, complaints in (
            ("run puts the library in malloc's place", preloads()),
            ("run keeps what LD_PRELOAD has, behind the library", keeps_preloads()),
            ("run adds options behind those of TRIMALLOC_CONF", merges_options()),
            ("an option of run is stronger than the variable's", later_options_win()),
            ("run passes arguments, and the exit code back", passes_arguments()),
            ("run leaves signals as they are", passes_signals()),
            ("run searches PATH as a shell does", searches_path()),
            ("run says what is missing, by 125, 126 and 127", names_what_is_missing()),
            ("run refuses a library's path that LD_PRELOAD cannot name",
             refuses_unspeakable_paths()),
            ("run warns of programs that cannot take the library", warns_of_what_cannot_preload()),
            ("run finds the library beside the command", works_when_installed()),
            ("options lists every option of the library", lists_options()),
            ("every command has help, and every mistake says where to read", helps()),
            ("trimalloc(1) tells every command, option and exit code", manual_is_whole()),
            ("groff finds nothing to complain about in trimalloc(1)", groff_reads_it()),
            ("what cannot be written is an error", notices_a_full_disk())):
        report.sentence(sentence, complaints)
    report.end()


main()

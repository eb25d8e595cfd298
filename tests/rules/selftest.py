#!/usr/bin/env python3
"""selftest.py -- each rule is broken on purpose, once, and must say so.

A small tree that keeps every rule is written, one thing in it is changed, and
the rule's script is run over it.
"""

import os
import shlex
import subprocess
import sys
import tempfile

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

CLEAN = {
    ".clang-format": open(os.path.join(TOP, ".clang-format"), encoding="utf-8").read(),
    "alloc/Makefile.inc": "TRI_BASE = alloc/base/low.h \\\n\talloc/base/low.c\n"
                          "TRI_OS = alloc/os/high.h\n"
                          "TRI_API = alloc/api/malloc.c\n",
    "alloc/README.md": "`base/low.{h,c}`, `os/high.h`, `api/malloc.c`, `Makefile.inc`\n"
                       "and <sys/mman.h>\n",
    "alloc/base/low.h": "#ifndef LOW_H\n#define LOW_H\n\nint low(void);\n\n#endif\n",
    "alloc/base/low.c": '#include "low.h"\n\nint\nlow(void)\n{\n\treturn 1;\n}\n' + "/**/\n" * 500,
    "alloc/os/high.h": '#include "../base/low.h"\n',
    "alloc/api/malloc.c": '#include "os/high.h"\n',
    "tests/misuse/misuse.c": '/* { "twice", "free(): " "@ was freed" } */\n',
    "tests/misuse/twice.c": "",
    "tests/README.md": "<!-- begin: written by tests/misuse/compare -->\n"
                       "| `twice` | free(): @ was freed | silent |\n"
                       "<!-- end: written by tests/misuse/compare -->\n",
}

LONG = "int\nlong_one(void)\n{\n%s\treturn 0;\n}\n"

# The script, the sentence that must fail, the files changed.
BREAKS = [
    ("includes", "no file includes a file of a floor above its own",
     {"alloc/base/low.h": '#include "os/high.h"\n'}),
    ("includes", "inside a floor a file includes only files listed before it",
     {"alloc/Makefile.inc": "TRI_BASE = alloc/base/low.c alloc/base/low.h\n"
                            "TRI_OS = alloc/os/high.h\nTRI_API = alloc/api/malloc.c\n"}),
    ("includes", "no file includes itself on a way round",
     {"alloc/base/low.h": '#include "../os/high.h"\n'}),
    ("includes", "every file of alloc is listed in alloc/Makefile.inc",
     {"alloc/base/new.c": "\n"}),
    ("includes", "every file listed in alloc/Makefile.inc exists",
     {"alloc/os/high.h": None}),
    ("files", "alloc has a README.md", {"alloc/README.md": None}),
    ("files", "alloc/README.md names every file of alloc", {"alloc/base/new.c": "\n"}),
    ("files", "every file that alloc/README.md names exists", {"alloc/os/high.h": None}),
    ("files", "every name in alloc/README.md means one file",
     {"alloc/os/malloc.c": "\n", "alloc/README.md": "low.h low.c high.h malloc.c Makefile.inc\n"}),
    ("sizes", "no source file has more than 600 lines", {"alloc/base/low.c": "\n" * 601}),
    ("sizes", "no header has more than 200 lines", {"alloc/base/low.h": "\n" * 201}),
    ("sizes", "no function has more than 70 lines",
     {"tests/a.c": LONG % ("\t/* line */\n" * 66)}),
    ("sizes", "no function has a preprocessor conditional inside",
     {"bench/a.c": LONG % "#ifdef X\n#endif\n"}),
    ("sizes", "alloc has at most 8 preprocessor conditionals in 1000 lines",
     {"alloc/base/low.c": "#if A\n#elif B\n#endif\n" * 3 + "\n" * 500}),
    ("sizes", "the file of malloc and all that it includes have at most 1500 lines",
     {"alloc/os/high.h": "\n" * 1501}),
    ("misuse", "every program of tests/misuse is run by misuse.c",
     {"tests/misuse/new.c": ""}),
    ("misuse", "every program of tests/misuse has its row in tests/README.md",
     {"tests/misuse/new.c": ""}),
    ("misuse", "the table has the sentences that misuse.c demands",
     {"tests/misuse/misuse.c": '{ "twice", "free(): it was freed" },\n'}),
    ("formatting", "every C and C++ file is formatted as .clang-format says",
     {"tests/a.c": "int a( void );\n"}),
]


def write(tree, files):
    for path, text in files.items():
        full = os.path.join(tree, path)
        if text is None:
            os.unlink(full)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)


def run(script, tree, env=None):
    """The lines that the script says over the tree."""
    done = subprocess.run([sys.executable, os.path.join(HERE, script + ".py"), tree],
                          capture_output=True, text=True, env=dict(os.environ, **(env or {})))
    return done.stdout.splitlines() + done.stderr.splitlines()


def says(lines, verdict, sentence):
    return any(line.startswith(verdict + " ") and line.endswith(" - " + sentence)
               for line in lines)


def skipped(lines, sentence):
    return any(" - %s # SKIP" % sentence in line for line in lines)


def over_a_tree(script, sentence, changes):
    """None where the rule was skipped, else the complaints."""
    with tempfile.TemporaryDirectory() as tree:
        write(tree, CLEAN)
        before = run(script, tree)
        if skipped(before, sentence):
            return None
        write(tree, changes)
        after = run(script, tree)
    complaints = []
    if not says(before, "ok", sentence):
        complaints += ["a tree that keeps it is not accepted:"] + before
    if not says(after, "not ok", sentence):
        complaints += ["a tree that breaks it is accepted:"] + after
    return complaints


# Flags and source of a library, the sentence about it that must fail.
LIBRARIES = [
    ("exports what it should and nothing else", "", "int stray; void *malloc(unsigned long n) { return (void *)n; }"),
    ("needs libc alone", "-Wl,--no-as-needed -lm", ""),
    ("asks for nothing that glibc 2.17 does not have", "",
     "int arc4random(void); int tri_dice(void) { return arc4random(); }"),
    ("uses at most 64 bytes of initial-exec TLS", "",
     "__thread char big[65]; char *tri_big(void) { return big; }"),
]


def over_a_library(claim, flags, text):
    with tempfile.TemporaryDirectory() as folder:
        lib = os.path.join(folder, "lib.so")
        write(folder, {"lib.c": text + "\nint tri_own;\n"})
        command = shlex.split(os.environ.get("CC", "cc")) + shlex.split(
            "-shared -fPIC -fno-builtin %s" % flags)
        made = subprocess.run(command + ["-o", lib, os.path.join(folder, "lib.c")],
                              capture_output=True, text=True)
        if made.returncode != 0:
            return made.stderr.splitlines()
        lines = run("exports", TOP, {"TRI_LIB": lib, "TRI_JNI_LIB": lib})
    return [] if all(says(lines, "not ok", "%s %s" % (name, claim))
                     for name in ("libtrimalloc.so", "libtrimalloc_jni.so")) else lines


def main():
    report = tap.Report()
    for script, sentence, changes in BREAKS:
        title = "%s.py notices when it is not so that %s" % (script, sentence)
        complaints = over_a_tree(script, sentence, changes)
        if complaints is None:
            report.skip(title, "the rule itself is skipped here")
        else:
            report.sentence(title, complaints)
    for claim, flags, text in LIBRARIES:
        report.sentence("exports.py notices when it is not so that a library %s" % claim,
                        over_a_library(claim, flags, text))
    report.end()


main()

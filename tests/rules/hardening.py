#!/usr/bin/env python3
"""hardening.py -- what the built libraries leave an attacker.

Reads TRI_LIB and TRI_JNI_LIB with readelf and nm. A library that is made with
the opposite of every flag shows that each complaint can be made.
"""

import os
import re
import subprocess
import tempfile

import source
import tap

# What the dynamic linker writes to before it hands over, and never again.
SEALED = (".init_array", ".fini_array", ".data.rel.ro", ".dynamic", ".got", ".tdata")

BAD_SOURCE = """
#include <string.h>
static const char *names[2] = { "one", "two" };
const char *(*volatile later)(int);
extern int elsewhere;
int *where = &elsewhere;
const char *name(int i) { return names[i & 1]; }
int copy(const char *text) { char here[16]; strcpy(here, text); return here[3]; }
__asm__(".section .words,\\"awx\\",@progbits\\n.zero 64\\n.text");
"""
BAD_FLAGS = ["-O2", "-shared", "-fPIC", "-fno-stack-protector", "-D_FORTIFY_SOURCE=2",
             "-U__OPTIMIZE_SIZE__", "-fcf-protection=none", "-Wl,-z,norelro", "-Wl,-z,lazy",
             "-Wl,-z,execstack", "-Wl,-z,noseparate-code", "-Wl,-rpath,/nowhere"]


def output(tool, *arguments):
    command = os.environ.get(tool.upper(), tool).split() + list(arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Library:
    """What the tools say about one library."""

    def __init__(self, path):
        self.dynamic = output("readelf", "-dW", path)
        self.notes = output("readelf", "-nW", path)
        self.machine = re.search(r"Machine:\s*(.*)", output("readelf", "-hW", path)).group(1)
        self.needs = set(re.findall(r" [Uw] (\w+)", output("nm", "-D", path)))
        headers = output("readelf", "-lW", path)
        # (type, flags), in order, as the second table has their sections.
        self.segments = re.findall(r"^  (\w+) +(?:0x\w+ +){5}([R ][W ][E ]) ", headers, re.M)
        self.sections = [set(names.split()) for names in
                         re.findall(r"^   \d\d +(.*)$", headers, re.M)]
        with open(path, "rb") as file:
            self.bytes = file.read()

    def of_type(self, wanted):
        """The flags of all segments of a type."""
        return [flags for kind, flags in self.segments if kind == wanted]


def relro(lib):
    sealed = set()
    for (kind, _), sections in zip(lib.segments, lib.sections):
        if kind == "GNU_RELRO":
            sealed |= sections
    if not sealed:
        yield "no RELRO segment"
    there = set().union(*lib.sections)
    for name in SEALED:
        if name in there - sealed:
            yield "%s stays writable" % name
    if ".got.plt" in there:
        yield ".got.plt is for symbols that are bound later"
    if not re.search(r"\(FLAGS\).*BIND_NOW", lib.dynamic):
        yield "symbols are not bound at start"


def executable(lib):
    stacks = lib.of_type("GNU_STACK")
    if stacks == [] or "E" in stacks[0]:
        yield "the stack is executable"
    for kind, flags in lib.segments:
        if "W" in flags and "E" in flags:
            yield "a segment %s is writable and executable" % kind


def code_apart(lib):
    for (kind, flags), sections in zip(lib.segments, lib.sections):
        if kind == "LOAD" and "E" in flags and sections & {".rodata", ".dynstr"}:
            yield "constants can be executed"


def text_relocations(lib):
    if "TEXTREL" in lib.dynamic:
        yield "text relocations"


def stack_protector(lib):
    if "__stack_chk_fail" not in lib.needs:
        yield "no function checks its stack"


def shadow_stack(lib):
    if "X86-64" in lib.machine and "SHSTK" not in lib.notes:
        yield "not marked: a process with this library runs without one"


def fortified(lib):
    """Names that musl and other glibcs may not have, for checks of no use here."""
    for name in sorted(lib.needs):
        if name.endswith("_chk"):
            yield "%s is needed" % name


def search_path(lib):
    if re.search(r"\((RPATH|RUNPATH)\)", lib.dynamic):
        yield "libraries are looked for in a folder of the library's choice"


def places(lib):
    """Where it was built is nobody's business, and differs from build to build."""
    for folder in (os.path.realpath(source.root()),
                   os.path.realpath(os.environ.get("top_builddir", "."))):
        if len(folder) > 1 and folder.encode() + b"/" in lib.bytes:
            yield "%s stands in it" % folder


RULES = (
    (relro, "is sealed and bound at start, all of it"),
    (executable, "has nothing that is executable and can be written to"),
    (code_apart, "keeps its constants apart from its code"),
    (text_relocations, "has no text relocations"),
    (stack_protector, "checks the stack of functions with arrays"),
    (shadow_stack, "may run on a shadow stack"),
    (fortified, "asks for no fortified function"),
    (search_path, "leads the dynamic linker nowhere"),
    (places, "does not say where it was built"),
)


def bad_library(folder):
    path = os.path.join(folder, "bad.so")
    text = os.path.join(folder, "bad.c")
    with open(text, "w", encoding="utf-8") as file:
        file.write(BAD_SOURCE)
    subprocess.run(os.environ.get("CC", "cc").split() + BAD_FLAGS + ["-o", path, text],
                   check=True, capture_output=True)
    return Library(path)


def not_found(lib):
    """Rules that a library made to break them does not break."""
    for rule, text in RULES:
        # Code of its own would be needed for the first, a folder for the second.
        if rule in (text_relocations, places):
            continue
        if rule is shadow_stack and "X86-64" not in lib.machine:
            continue
        if not list(rule(lib)):
            yield "'%s' is held to be true of it" % text


def timestamps(tree):
    """Words that the preprocessor replaces by the time of the build."""
    for path in source.find(tree, ("alloc", "include", "tools"), (".c", ".h", ".def")):
        for word in re.findall(r"__(?:DATE|TIME|TIMESTAMP)__", source.read(tree, path)):
            yield "%s says %s" % (path, word)


def main():
    report = tap.Report()
    built = os.environ.get("top_builddir", ".")
    for variable, name in (("TRI_LIB", "libtrimalloc.so"), ("TRI_JNI_LIB", "libtrimalloc_jni.so")):
        lib = Library(os.environ.get(variable, "%s/.libs/%s" % (built, name)))
        for rule, text in RULES:
            report.sentence("%s %s" % (name, text), rule(lib))
    with tempfile.TemporaryDirectory() as folder:
        report.sentence("a library that is made without all that is found out",
                        not_found(bad_library(folder)))
    report.sentence("no source asks for the time of the build", timestamps(source.root()))
    report.end()


main()

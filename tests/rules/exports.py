#!/usr/bin/env python3
"""exports.py -- what the built libraries show to a program, need and cost it.

Reads TRI_LIB, TRI_JNI_LIB and TRI_JNI_ARCHIVE with nm and readelf.
"""

import os
import re
import subprocess

import source
import tap

TLS_BYTES = 64
# The oldest glibc that the libraries run with: alloc/os/libc.h.
GLIBC = (2, 17)
LIBC = re.compile(r"libc\.so\.6|ld-linux.*\.so\.\d+")


def output(tool, *arguments):
    command = os.environ.get(tool.upper(), tool).split() + list(arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def defined(library):
    """The names that other objects can bind to."""
    out = output("nm", "-D", "--defined-only", "--format=posix", library)
    return {line.split()[0].split("@")[0] for line in out.splitlines() if line.strip()}


def undefined(library):
    out = output("nm", "-D", "--undefined-only", "--format=posix", library)
    return {line.split()[0].split("@")[0] for line in out.splitlines() if line.strip()}


def globals_of_archive(archive):
    out = output("nm", "--defined-only", "--extern-only", "--format=posix", archive)
    rows = [line.split() for line in out.splitlines()]
    return {row[0] for row in rows if len(row) > 1}


def allowed(tree):
    text = re.sub(r"#.*", "", source.read(tree, "tests/rules/exports.txt"))
    return set(text.split())


def differences(found, wanted):
    yield from ("%s is missing" % name for name in sorted(wanted - found))
    yield from ("%s is exported" % name for name in sorted(found - wanted))


def foreign(names):
    if not names:
        yield "no name at all"
    yield from ("%s is exported" % n for n in sorted(names) if not n.startswith("tri_"))


def needed(dynamic):
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    if not names:
        yield "no library at all"
    yield from ("%s is needed" % n for n in names if not LIBC.fullmatch(n))


def versions(library):
    """Functions that an older glibc does not have."""
    out = output("nm", "-D", "--undefined-only", library)
    for name, version in re.findall(r"(\w+)@+GLIBC_([\d.]+)", out):
        if tuple(map(int, version.split("."))) > GLIBC:
            yield "%s is of glibc %s" % (name, version)


def tls(segments, names):
    for size in re.findall(r"^\s*TLS\s+(?:0x\w+\s+){4}(0x\w+)", segments, re.M):
        if int(size, 16) > TLS_BYTES:
            yield "%d bytes" % int(size, 16)
    if "__tls_get_addr" in names:
        yield "__tls_get_addr is called: not the initial-exec model"


def library(report, path, title, names):
    """`names` makes the complaints about a set of exported names."""
    if not os.path.exists(path):
        report.sentence("%s is built" % title, ["%s does not exist" % path])
        return
    dynamic = output("readelf", "-dW", path)
    segments = output("readelf", "-lW", path)
    report.sentence("%s exports what it should and nothing else" % title,
                    names(defined(path)))
    report.sentence("%s needs libc alone" % title, needed(dynamic))
    report.sentence("%s asks for nothing that glibc %d.%d does not have" % (title, *GLIBC),
                    versions(path))
    report.sentence("%s uses at most %d bytes of initial-exec TLS" % (title, TLS_BYTES),
                    tls(segments, undefined(path)))


def main():
    report = tap.Report()
    built = os.environ.get("top_builddir", ".")
    lib = os.environ.get("TRI_LIB", built + "/.libs/libtrimalloc.so")
    jni = os.environ.get("TRI_JNI_LIB", built + "/.libs/libtrimalloc_jni.so")
    archive = os.environ.get("TRI_JNI_ARCHIVE", built + "/libtrimalloc_jni.a")
    wanted = allowed(source.root())

    library(report, lib, "libtrimalloc.so", lambda names: differences(names, wanted))
    library(report, jni, "libtrimalloc_jni.so", foreign)
    report.sentence("libtrimalloc_jni.a defines names of its own alone",
                    foreign(globals_of_archive(archive)))
    report.end()


main()

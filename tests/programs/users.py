#!/usr/bin/env python3
"""users.py -- what the users of jemalloc's interface do works as on jemalloc."""

import os
import re
import shutil
import sys
import tempfile

import jemalloc
import tap

# What ctypes makes of it: a name, its type as a C expression, and a check.
CTYPES = """
import ctypes
libc = ctypes.CDLL(None)

def read(name, type):
    value, length = type(), ctypes.c_size_t(ctypes.sizeof(type))
    status = libc.mallctl(name, ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0))
    assert status == 0, (name, status)
    assert length.value == ctypes.sizeof(type), (name, length.value)
    return value.value

def write(name, value):
    return libc.mallctl(name, None, None, ctypes.byref(value), ctypes.c_size_t(ctypes.sizeof(value)))

if not hasattr(libc, "mallctl"):
    print("no jemalloc")
    raise SystemExit
assert read(b"version", ctypes.c_char_p).startswith(b"5."), read(b"version", ctypes.c_char_p)
assert read(b"arenas.page", ctypes.c_size_t) == 4096
assert read(b"arenas.narenas", ctypes.c_uint) >= 1
assert read(b"thread.arena", ctypes.c_uint) < read(b"arenas.narenas", ctypes.c_uint)
assert read(b"opt.tcache", ctypes.c_bool) is True
block = ctypes.create_string_buffer(40_000_000)
assert write(b"epoch", ctypes.c_uint64(1)) == 0
assert read(b"stats.allocated", ctypes.c_size_t) >= 40_000_000
# Errors are returned: unknown, read-only, and of the wrong size.
assert write(b"no.such.name", ctypes.c_uint64(1)) == 2
assert write(b"version", ctypes.c_char_p(b"6")) == 1
assert write(b"epoch", ctypes.c_uint32(1)) == 22
value, length = ctypes.c_uint64(0), ctypes.c_size_t(2)
assert libc.mallctl(b"arenas.page", ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0)) == 22
assert (length.value, value.value) == (2, 4096), (length.value, value.value)
# A callback in Python is called by malloc_stats_print, and may allocate.
said = []
writer = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(lambda opaque, text: said.append(text))
libc.malloc_stats_print(writer, None, b"J")
import json
told = json.loads(b"".join(said))
assert told["jemalloc"]["stats"]["allocated"] >= 40_000_000, told["jemalloc"]["stats"]
print("jemalloc")
"""

# A program asks before it profiles, as an agent that is loaded anywhere does.
PROFILING = """
import ctypes, os
libc = ctypes.CDLL(None)
value, length = ctypes.c_bool(True), ctypes.c_size_t(1)
assert libc.mallctl(b"opt.prof", ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0)) == 0
assert value.value is False
# Nobody asked for a profile, so none can be had: an error, and no file.
name = ctypes.c_char_p(b"%s/heap" % os.fsencode(os.environ["FOLDER"]))
assert libc.mallctl(b"prof.dump", None, None, ctypes.byref(name), ctypes.c_size_t(8)) != 0
assert os.listdir(os.environ["FOLDER"]) == []
print("no profile")
"""


def probe(report, words, command, wanted="jemalloc"):
    """A program under every allocator that has jemalloc's functions."""
    found = []
    for where, preload in jemalloc.places():
        found += jemalloc.complaints(jemalloc.run(command, preload), wanted, where)
    if wanted == "jemalloc":
        found += jemalloc.complaints(jemalloc.run(command, None), "no jemalloc", "under glibc")
    report.sentence(words, found)


def check_programs(report):
    for name, words in (
            ("rocksdb", "RocksDB's way of finding jemalloc, its statistics and its memory outside core files work"),
            ("folly", "folly's way of finding jemalloc by a counter, of rounding up and of growing works"),
            ("clickhouse", "a server that samples the statistics and purges all arenas gets what it wants")):
        if jemalloc.built(name):
            probe(report, words, [jemalloc.built(name)])
        else:
            report.skip(words, "tests/programs/%s was not built: no C++ compiler" % name)


def profile(preload, folder):
    """A program that is told to leave a heap profile: (status, output, errors), files."""
    os.mkdir(folder)
    result = jemalloc.run([sys.executable, "-c", "print('runs')"], preload,
                          MALLOC_CONF="prof:true,lg_prof_sample:10,prof_final:true,prof_prefix:%s/p" % folder)
    return result, sorted(os.path.join(folder, name) for name in os.listdir(folder))


def read_profile(files):
    """What is wrong where jemalloc leaves a profile and jeprof reads it."""
    if len(files) != 1:
        return ["jemalloc itself left %s: the options prove nothing" % files]
    if shutil.which("jeprof") is None:
        return []
    status, output, errors = jemalloc.run(["jeprof", "--text", sys.executable, files[0]], None)
    if status != 0 or not re.search(r"^Total: [0-9.]+ MB$", output, re.MULTILINE):
        return ["jeprof ended with %s, and said: %s %s" % (status, output[:500], errors[:500])]
    return []


def check_profile_options(report, folder):
    """Who asks for profiles by MALLOC_CONF gets a sentence, a program that runs, and no file."""
    found = []
    if jemalloc.real():
        found = read_profile(profile(jemalloc.real(), os.path.join(folder, "real"))[1])
    (status, output, errors), files = profile(jemalloc.library(), os.path.join(folder, "ours"))
    if status != 0 or output != "runs\n":
        found.append("it ended with status %s and said '%s'" % (status, output))
    if not re.fullmatch(r"trimalloc: MALLOC_CONF: accepted without effect: prof, .*\n", errors):
        found.append("its errors were: %s" % errors)
    if files:
        found.append("there are files: %s" % files)
    report.sentence("MALLOC_CONF=prof:true leaves a profile for jeprof on jemalloc; here a notice, and no file", found)


def main():
    report = tap.Report()
    check_programs(report)
    probe(report, "Python's ctypes reads and writes by mallctl", [sys.executable, "-c", CTYPES])
    with tempfile.TemporaryDirectory(prefix="trimalloc-users-") as folder:
        os.environ["FOLDER"] = folder
        probe(report, "who asks for opt.prof is told that there is no profile",
              [sys.executable, "-c", PROFILING], "no profile")
    with tempfile.TemporaryDirectory(prefix="trimalloc-users-") as folder:
        check_profile_options(report, folder)
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""options.py -- what trimalloc-jemalloc(7) says of MALLOC_CONF's keys is so.

The page's own table is the test's: a row's second column begins with the
option that is set, or says that there is no effect, with or without a notice.
"""

import os
import re
import sys

import jemalloc
import tap

PAGE = os.path.join(jemalloc.HERE, os.pardir, os.pardir, "doc", "coming-from-jemalloc.md")
PAIR = re.compile(r"`(\w+):([^`]*)`")

# Says an option's value, as text.
READER = """
import ctypes, sys
libc = ctypes.CDLL(None)
name = ("trimalloc.options." + sys.argv[1]).encode()
length = ctypes.c_size_t(8)
value = ctypes.c_int64(0)
status = libc.mallctl(name, ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0))
if status == 22:
    status = libc.mallctl(name, ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0))
assert status == 0, (name, status)
if length.value == 1:
    print(("false", "true")[value.value])
elif sys.argv[2].lstrip("-").isdigit():
    print(value.value)
else:
    print(ctypes.c_char_p(value.value).value.decode())
"""


# What the page says of names that differ.
NAMES = """
import ctypes
libc = ctypes.CDLL(None)

def read(name, type=ctypes.c_bool):
    value, length = type(), ctypes.c_size_t(ctypes.sizeof(type))
    return libc.mallctl(name, ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t(0)), value.value

for name in (b"config.prof", b"opt.prof", b"opt.prof_active"):
    assert read(name) == (0, False), (name, read(name))
for name in (b"prof.active", b"experimental.hooks.install", b"stats.mutexes.ctl.num_ops",
             b"stats.arenas.0.mutexes.base.num_ops"):
    assert read(name)[0] == 2, (name, read(name))
assert read(b"background_thread") == (0, True)

# Setting the decay of one arena sets the one option.
ms = ctypes.c_ssize_t(321)
for name in (b"arena.0.dirty_decay_ms", b"arenas.dirty_decay_ms"):
    ms.value += 1
    assert libc.mallctl(name, None, None, ctypes.byref(ms), ctypes.c_size_t(8)) == 0
    assert read(b"trimalloc.options.decay_ms", ctypes.c_int64) == (0, ms.value)

# What a thread has cached is not the program's any more.
def allocated():
    epoch = ctypes.c_uint64(1)
    assert libc.mallctl(b"epoch", None, None, ctypes.byref(epoch), ctypes.c_size_t(8)) == 0
    return read(b"stats.allocated", ctypes.c_size_t)[1]

libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
blocks = [libc.malloc(10000) for i in range(8)]
with_them = allocated()
for block in blocks:
    libc.free(block)
assert allocated() <= with_them - 8 * 10000 + 4000, (with_them, allocated())

# malloc_message gets what is printed.
said = []
writer = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(lambda opaque, text: said.append(text))
ctypes.c_void_p.in_dll(libc, "malloc_message").value = ctypes.cast(writer, ctypes.c_void_p).value
libc.malloc_stats_print(None, None, None)
assert b"".join(said).startswith(b"___ Begin jemalloc statistics ___"), said[:2]
print("so it is", flush=True)

# A size that is not the block's.
libc.mallocx.restype = ctypes.c_void_p
libc.sdallocx.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.sdallocx(libc.mallocx(ctypes.c_size_t(100), 0), 5000, 0)
"""


def rows():
    """(pairs of jemalloc's, what the page says) of each row of the table of options."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    table = text.split("| `MALLOC_CONF` | here |", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        pairs = PAIR.findall(cells[0])
        if pairs:
            yield pairs, cells[1]


def read(option, value, **env):
    return jemalloc.run([sys.executable, "-c", READER, option, value], jemalloc.library(), **env)


def check_mapped(conf, option, value):
    status, output, errors = read(option, value, MALLOC_CONF=conf)
    if option == "stats_at_exit" and "trimalloc" in errors:
        errors = ""
    if status != 0 or output.strip() != value or errors:
        yield "%s: %s is %s, not %s %s" % (conf, option, output.strip(), value, errors[:500])


def check_idle(conf, key, is_told):
    status, _, errors = read("decay_ms", "0", MALLOC_CONF=conf)
    wanted = "trimalloc: MALLOC_CONF: accepted without effect: %s\n" % key if is_told else ""
    if status != 0 or errors != wanted:
        yield "%s: status %s, and it says: %s" % (conf, status, errors[:500])


def check_row(pairs, says):
    for key, value in pairs:
        conf = "%s:%s" % (key, value)
        ours = PAIR.match(says)
        if ours:
            yield from check_mapped(conf, *ours.groups())
        elif says.startswith("No effect, "):
            yield from check_idle(conf, key, says.startswith("No effect, and a notice"))
        else:
            yield "%s: the page does not say what becomes of it: %s" % (conf, says)


def check_sources():
    """Who wins; and that what one pair says leaves the others' defaults."""
    for env, wanted in (({"MALLOC_CONF": "dirty_decay_ms:77"}, "77"),
                        ({"MALLOC_CONF": "dirty_decay_ms:77", "TRIMALLOC_CONF": "decay_ms:88"}, "88"),
                        ({"MALLOC_CONF": "narenas:3"}, "1000"),
                        ({"MALLOC_CONF": "dirty_decay_ms:99999999"}, "3600000"),
                        ({"MALLOC_CONF": "dirty_decay_ms:-1"}, "-1")):
        status, output, errors = read("decay_ms", "0", **env)
        if status != 0 or output.strip() != wanted or errors:
            yield "%s: decay_ms is %s, not %s %s" % (env, output.strip(), wanted, errors[:500])
    for conf, word in (("no_such_key:1", "no_such_key"), ("dirty_decay_ms:soon", "soon")):
        status, output, errors = read("decay_ms", "0", MALLOC_CONF=conf)
        if status != 0 or output.strip() != "1000" or len(errors.splitlines()) != 1 or word not in errors:
            yield "%s: decay_ms is %s, and it says: %s" % (conf, output.strip(), errors[:500])


def check_names():
    status, output, errors = jemalloc.run([sys.executable, "-c", NAMES], jemalloc.library())
    if output != "so it is\n" or status != -6:
        yield "status %s, and it says: %s %s" % (status, output, errors[-1000:])
    elif not re.fullmatch(r"trimalloc: sdallocx\(\): 0x[0-9a-f]+ has size 112, not 5000 \(class 112 bytes, [^()]+\)\n", errors):
        yield "it dies of: %s" % errors


def main():
    report = tap.Report()
    table = list(rows())
    report.sentence("keys of MALLOC_CONF do what trimalloc-jemalloc(7) says",
                    [line for row in table for line in check_row(*row)] if len(table) > 15 else ["the table is gone"])
    report.sentence("TRIMALLOC_CONF wins, and one key never changes another one's default", check_sources())
    report.sentence("names of mallctl that differ do so as trimalloc-jemalloc(7) says", check_names())
    report.end()


if __name__ == "__main__":
    main()

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
if sys.argv[2] in ("true", "false"):
    print(("false", "true")[value.value])
elif sys.argv[2].lstrip("-").isdigit():
    print(value.value)
else:
    print(ctypes.c_char_p(value.value).value.decode())
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


def main():
    report = tap.Report()
    table = list(rows())
    report.sentence("keys of MALLOC_CONF do what trimalloc-jemalloc(7) says",
                    [line for row in table for line in check_row(*row)] if len(table) > 15 else ["the table is gone"])
    report.sentence("TRIMALLOC_CONF wins, and one key never changes another one's default", check_sources())
    report.end()


if __name__ == "__main__":
    main()

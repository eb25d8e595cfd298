#!/usr/bin/env python3
"""reports.py -- what programs read: the report as JSON and as XML.

print_report makes them of a process at rest, so that every sum is exact.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests/rules"))
import tap  # noqa: E402

PROGRAM = os.path.join(os.environ.get("top_builddir", "."), "tests/control/print_report")

# Of each object, every member and what it is.
INTEGER, STRING, BOOLEAN, NUMBER = "integer", "string", "boolean", "signed"
PURGE = dict.fromkeys(("purges", "pages", "refused", "us", "decommitted"), INTEGER)
CLASS = dict.fromkeys(("size", "slabs", "slots", "live", "cached", "quarantined", "free", "slack",
                       "away_pages", "fills", "flushes", "filled", "flushed", "refaults", "lock_waits"), INTEGER)
SCHEMA = {
    "version": STRING, "format": INTEGER, "pid": INTEGER, "uptime_ms": INTEGER, "time_ms": INTEGER,
    "bytes": dict(dict.fromkeys((
        "allocated", "cached", "quarantined", "shelved", "slab_free", "slab_away", "active", "dirty",
        "mapped", "metadata", "large", "resident", "huge", "untouched", "metadata_resident"), INTEGER),
                  unaccounted=NUMBER),
    "counts": dict.fromkeys((
        "threads", "arenas", "large_blocks", "cached_blocks", "quarantined_blocks", "slab_free_blocks",
        "free_chunks", "refaults", "lock_waits", "minor_faults", "major_faults"), INTEGER),
    "reclaim": {"has_thread": BOOLEAN, "cpu_us": INTEGER, "ticks": INTEGER, "trims": INTEGER,
                "drains": INTEGER, "drain_us": INTEGER, "window_ticks": INTEGER,
                "runs": PURGE, "slabs": PURGE},
    "pressure": dict(dict.fromkeys((
        "events", "stalls", "given", "last_given", "usage", "limit", "total_ms"), INTEGER),
                     level=STRING),
    "guarded": dict.fromkeys(("slots", "live", "freed", "bytes", "sampled", "full", "refused", "errors"),
                             INTEGER),
    "options": None,
    "arenas": [dict(dict.fromkeys((
        "index", "threads", "allocated", "cached", "quarantined", "shelved", "slab_free", "slab_away",
        "active", "dirty", "clean", "mapped", "large_blocks", "large_bytes", "refaults", "lock_waits"),
                                  INTEGER), runs=PURGE, classes=[CLASS])],
    "classes": [CLASS],
    "large": [dict.fromkeys(("up_to", "blocks", "bytes"), INTEGER)],
    "threads": [{"tid": INTEGER, "name": STRING, "arena": INTEGER, "cached": INTEGER,
                 "idle_ms": INTEGER, "fills": INTEGER, "flushes": INTEGER, "drains": INTEGER,
                 "parked": BOOLEAN}],
}

# As the kernel cuts them; JSON has no place for bytes that are no text.
NAMES = ["plain", "quote \" <&>", "back\\slash", "line\nfeed \x01 tab"[:15], "z\u00e4hlt",
         "\ufffd\ufffd no text", "fourteen bytes\ufffd"]


def run(form):
    return subprocess.run([PROGRAM, form], stdout=subprocess.PIPE, check=True).stdout


def is_of(kind, value):
    if kind == STRING:
        return isinstance(value, str)
    if kind == BOOLEAN:
        return isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and (kind == NUMBER or value >= 0)


def differs(path, schema, value):
    """What is missing, too much, or of another kind."""
    if schema is None:
        return
    if isinstance(schema, list):
        if not isinstance(value, list) or not value:
            yield "%s is no array with an element" % path
            return
        for i, one in enumerate(value):
            yield from differs("%s[%d]" % (path, i), schema[0], one)
    elif isinstance(schema, dict):
        if set(schema) != set(value):
            yield "%s: %s" % (path, sorted(set(schema) ^ set(value)))
        for key in set(schema) & set(value):
            yield from differs("%s.%s" % (path, key), schema[key], value[key])
    elif not is_of(schema, value):
        yield "%s is %r" % (path, value)


def equal(*pairs):
    return ["%s: %d is not %d" % (what, a, b) for what, a, b in pairs if a != b]


def is_exact(one):
    b = one["bytes"]
    parts = b["allocated"] + b["cached"] + b["shelved"] + b["slab_free"]
    return equal(("active", parts + b["slab_away"], b["active"]),
                 ("unaccounted", b["unaccounted"], 0),
                 ("resident", parts + b["dirty"] - b["untouched"], b["resident"]))


def adds_up(one):
    b, c = one["bytes"], one["counts"]
    for key in ("allocated", "cached", "shelved", "slab_free", "slab_away", "active"):
        yield from equal((key, sum(a[key] for a in one["arenas"]), b[key]))
    yield from equal(
        ("threads' caches", sum(t["cached"] for t in one["threads"]), b["cached"]),
        ("threads", len(one["threads"]), c["threads"]),
        ("threads of arenas", sum(a["threads"] for a in one["arenas"]), c["threads"]),
        ("arenas", len(one["arenas"]), c["arenas"]),
        ("large bytes", sum(a["large_bytes"] for a in one["arenas"]), b["large"]),
        ("cached blocks", sum(k["cached"] for k in one["classes"]), c["cached_blocks"]),
        ("live bytes", sum(k["live"] * k["size"] for k in one["classes"]), b["allocated"]),
        ("large ones", sum(k["live"] for k in one["classes"] if k["size"] > 16384),
         sum(k["blocks"] for k in one["large"])))
    for k in one["classes"]:
        if k["slabs"]:
            yield from equal(("slots of %d" % k["size"], k["live"] + k["cached"] + k["free"],
                              k["slots"]),
                             ("blocks of %d that left slabs" % k["size"],
                              k["filled"] - k["flushed"], k["live"] + k["cached"]))


def has_classes_of_arenas(one):
    for k in one["classes"]:
        for key in ("live", "cached", "free", "slabs", "filled", "flushed"):
            of_arenas = sum(m[key] for a in one["arenas"] for m in a["classes"]
                            if m["size"] == k["size"])
            yield from equal(("%s of %d" % (key, k["size"]), of_arenas, k[key]))


def names_threads(one):
    said = [t["name"] for t in one["threads"]]
    if sorted(said) != sorted(NAMES + ["print_report"]) and sorted(said) != sorted(NAMES):
        return ["the names are %r" % said]
    return []


def tells_idle_ones(one):
    """Those that did nothing since the trim are parked, the others are not."""
    parked = sorted(t["name"] for t in one["threads"] if t["parked"])
    if parked != sorted(NAMES[1::2]):
        return ["parked are %r" % parked]
    return ["%s caches %d bytes and is idle" % (t["name"], t["cached"])
            for t in one["threads"] if t["parked"] and t["cached"] > 0]


def tells_options(one):
    o = one["options"]
    if o["narenas"] != 3 or o["thp"] != "never" or o["tcache"] is not True or o["decay_ms"] != 1000:
        return ["the options are %r" % o]
    return []


def check_json(report):
    said = run("json")
    try:
        one = json.loads(said.decode("utf-8"))
    except ValueError as error:
        report.sentence("the JSON can be parsed", [error, said[:200]])
        return
    for text, complaints in (
            ("the JSON has every member of its schema, and no other", differs("", SCHEMA, one)),
            ("of a process at rest the bill adds up to the byte", is_exact(one)),
            ("arenas, classes and threads add up to the sums", adds_up(one)),
            ("the classes of the arenas add up to the classes", has_classes_of_arenas(one)),
            ("each thread has its name, whatever bytes that is of", names_threads(one)),
            ("threads that did nothing since they were drained are parked", tells_idle_ones(one)),
            ("the options in force are values of JSON", tells_options(one))):
        report.sentence(text, complaints)


def heaps_add_up(root):
    heaps = root.findall("heap")
    if len(heaps) != 3:
        yield "there are %d heaps" % len(heaps)
    for path in ('system[@type="current"]', 'aspace[@type="total"]'):
        total = int(root.find(path).get("size"))
        parts = sum(int(h.find(path).get("size")) for h in heaps)
        # The rest is of whole chunks that no arena has.
        if not 0 < parts <= total:
            yield "%s: heaps have %d of %d" % (path, parts, total)
    for h in heaps:
        counts = sum(int(s.get("count")) for s in h.find("sizes"))
        yield from equal(("free blocks", counts, int(h.find('total[@type="rest"]').get("count"))))


def own_elements_add_up(root):
    own = {e.tag: int(e.text) for e in root.find("trimalloc")}
    return equal(("active", own["allocated"] + own["cached"] + own["shelved"] + own["slab_free"] +
                  own["slab_away"], own["active"]),
                 ("unaccounted", own["unaccounted"], 0),
                 ("resident", own["active"] - own["slab_away"] + own["dirty"] - own["untouched"],
                  own["resident"]),
                 ("current", int(root.find('system[@type="current"]').get("size")),
                  own["active"] - own["slab_away"] + own["dirty"]))


def check_xml(report):
    said = run("xml")
    try:
        root = ElementTree.fromstring(said)
    except ElementTree.ParseError as error:
        report.sentence("the XML can be parsed", [error, said[:200]])
        return
    report.sentence("the XML is a document of malloc_info's first version",
                    [] if (root.tag, root.get("version")) == ("malloc", "1") else [root.tag])
    report.sentence("its heaps add up to its totals", heaps_add_up(root))
    report.sentence("our own elements in it are a bill that adds up", own_elements_add_up(root))


def main():
    report = tap.Report()
    check_json(report)
    check_xml(report)
    report.end()


if __name__ == "__main__":
    main()

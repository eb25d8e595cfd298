"""source.py -- finding and reading the sources that the rules are about."""

import os
import re
import sys

# Downstairs first. Files of include/ stand below them all.
FLOORS = ["base", "os", "pages", "heap", "cache", "control", "api"]

ROOMS = ["alloc", "include", "tests", "bench", "tools"]


def root():
    """The tree to look at: the first argument, or where make says it is."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(here))


def read(tree, path):
    with open(os.path.join(tree, path), encoding="utf-8") as f:
        return f.read()


def find(tree, rooms, suffixes):
    """Paths, relative to the tree, of the files with one of the suffixes."""
    found = []
    for room in rooms:
        for folder, subfolders, names in os.walk(os.path.join(tree, room)):
            subfolders[:] = [s for s in subfolders if not s.startswith(".")]
            found += [os.path.relpath(os.path.join(folder, n), tree)
                      for n in names if n.endswith(tuple(suffixes))]
    return sorted(found)


def floor(path):
    """The floor's number of a file of alloc/; None outside of the floors."""
    parts = path.split("/")
    if len(parts) > 2 and parts[0] == "alloc" and parts[1] in FLOORS:
        return FLOORS.index(parts[1])
    return None


def make_lists(tree):
    """alloc/Makefile.inc's lists of files: {variable: [path, ...]}."""
    text = read(tree, "alloc/Makefile.inc").replace("\\\n", " ")
    text = re.sub(r"#.*", "", text)
    raw = {}
    for name, more, value in re.findall(r"^\s*(\w+)\s*(\+?)=(.*)$", text, re.M):
        raw[name] = (raw.get(name, []) if more else []) + value.split()

    def words(name):
        out = []
        for word in raw.get(name, []):
            inner = re.fullmatch(r"\$[({](\w+)[)}]", word)
            out += words(inner.group(1)) if inner else [word]
        return out

    return {name: [w for w in words(name) if "$" not in w]
            for name in raw if name.startswith("TRI_")}


def blank_comments(text):
    """The text with every comment's and string's inside blanked, lines kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        s = match.group(0)
        if s[0] in "\"'":
            return s[0] + " " * (len(s) - 2) + s[-1]
        return re.sub(r"[^\n]", " ", s)

    return re.sub(pattern, blank, text, flags=re.S)


def includes(tree, path):
    """[(line number, path)] of the project's files that a file includes."""
    found = []
    for number, line in enumerate(read(tree, path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not match:
            continue
        places = ["alloc", "include"]
        if match.group(1) == '"':
            places.insert(0, os.path.dirname(path))
        for place in places:
            candidate = os.path.normpath(os.path.join(place, match.group(2)))
            if os.path.isfile(os.path.join(tree, candidate)):
                found.append((number, candidate))
                break
    return found

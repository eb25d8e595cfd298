#!/usr/bin/env python3
"""includes.py -- a file of alloc/ includes only what stands below it.

The floors' order is source.FLOORS; inside a floor it is the order in which
alloc/Makefile.inc lists the files.
"""

import source
import tap


def positions(lists):
    """{path: {variable: place in its list}}."""
    place = {}
    for name, paths in lists.items():
        for i, path in enumerate(paths):
            place.setdefault(path, {})[name] = i
    return place


def upstairs(tree, paths):
    for path in paths:
        own = source.floor(path)
        if own is None:
            yield "%s lies on no floor" % path
            continue
        for line, target in source.includes(tree, path):
            other = source.floor(target)
            if other is not None and other > own:
                yield "%s:%d includes %s, which is upstairs" % (path, line, target)
            elif other is None and not target.startswith("include/"):
                yield "%s:%d includes %s, which lies on no floor" % (path, line, target)


def later(tree, paths, place):
    for path in paths:
        for line, target in source.includes(tree, path):
            if source.floor(target) != source.floor(path):
                continue
            common = set(place.get(path, {})) & set(place.get(target, {}))
            for name in sorted(common):
                if place[target][name] >= place[path][name]:
                    yield ("%s:%d includes %s, which %s lists later"
                           % (path, line, target, name))
            if not common:
                yield ("%s:%d includes %s, and no list of alloc/Makefile.inc has both"
                       % (path, line, target))


def cycles(tree, paths):
    graph = {p: [t for _, t in source.includes(tree, p)] for p in paths}
    done = set()

    def walk(path, trail):
        if path in trail:
            yield " -> ".join(trail[trail.index(path):] + [path])
            return
        if path in done:
            return
        for target in graph.get(path, []):
            yield from walk(target, trail + [path])
        done.add(path)

    for path in paths:
        yield from walk(path, [])


def main():
    tree = source.root()
    report = tap.Report()
    paths = source.find(tree, ["alloc"], [".c", ".h", ".def"])
    lists = source.make_lists(tree)
    place = positions(lists)

    report.sentence("alloc has sources", [] if paths else ["no file was found"])
    report.sentence("every file of alloc is listed in alloc/Makefile.inc",
                    [p for p in paths if p not in place])
    report.sentence("every file listed in alloc/Makefile.inc exists",
                    [p for p in place if p not in paths])
    report.sentence("no file includes a file of a floor above its own",
                    upstairs(tree, paths))
    report.sentence("inside a floor a file includes only files listed before it",
                    later(tree, paths, place))
    report.sentence("no file includes itself on a way round", cycles(tree, paths))
    report.end()


main()

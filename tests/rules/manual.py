#!/usr/bin/env python3
"""manual.py -- the manual pages are complete, and can be read.

trimalloc.conf(5) is generated: it is looked for in top_builddir.
"""

import os
import re
import shutil
import subprocess

import source
import tap

LINE = re.compile(r'\b(?:line|share|text_purges)\(t, "([^"]+)"')
ELEMENT = re.compile(r'\bxml_own\(t, "([^"]+)"')
OPTION = re.compile(r"^OPTION\((\w+),", re.MULTILINE)
# What .TP, .B and the like leave of a page.
MACRO = re.compile(r"^\.\w+ ?", re.MULTILINE)


def words(page):
    """A page's text in one line, without its markup."""
    text = MACRO.sub("", page).replace('"', "").replace("\\-", "-")
    return " ".join(text.replace("\\fI", "").replace("\\fP", "").split())


def missing(names, text):
    return ["%s is not told" % name for name in names
            if not re.search(r"(?<![\w])%s(?![\w])" % re.escape(name.strip()), text)]


def built(path):
    """A generated page; None where it was not made."""
    path = os.path.join(os.environ.get("top_builddir", "."), path)
    return path if os.path.exists(path) else None


def warnings(path):
    """What groff has to say about a page."""
    return subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout.splitlines()


def check_options(tree, report):
    sentence = "trimalloc.conf(5) has every option, and no placeholder"
    path = built("doc/trimalloc.conf.5")
    if path is None:
        report.skip(sentence, "it was not built")
        return
    with open(path, encoding="utf-8") as file:
        page = file.read()
    names = OPTION.findall(source.read(tree, "alloc/base/options.def"))
    report.sentence(sentence, missing(names, words(page)) + re.findall(r"@\w+@|(?:THP|DUMP)_\w+", page))


def check_groff(tree, report):
    sentence = "groff finds nothing to complain about in the manual pages"
    if shutil.which("groff") is None:
        report.skip(sentence, "there is no groff here")
        return
    pages = [os.path.join(tree, "doc/trimalloc.3"), built("doc/trimalloc.conf.5")]
    report.sentence(sentence, [line for path in pages if path for line in warnings(path)])


def main():
    tree = source.root()
    report = tap.Report()
    text = words(source.read(tree, "doc/trimalloc.3"))
    lines = LINE.findall(source.read(tree, "alloc/control/report_text.c"))
    elements = ELEMENT.findall(source.read(tree, "alloc/control/report_xml.c"))
    report.sentence("trimalloc(3) tells what each line of malloc_stats means",
                    missing(lines, text) if len(lines) > 20 else ["no lines were found"])
    report.sentence("trimalloc(3) names each element of malloc_info's own",
                    missing(elements, text) if len(elements) > 20 else ["no elements were found"])
    check_options(tree, report)
    check_groff(tree, report)
    report.end()


if __name__ == "__main__":
    main()

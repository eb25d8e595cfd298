#!/usr/bin/env python3
"""manual.py -- the manual pages are complete, and can be read.

Generated pages are looked for in top_builddir.
"""

import glob
import os
import re
import shutil
import subprocess

import source
import tap

LINE = re.compile(r'\b(?:line|share|text_purges)\(t, "([^"]+)"')
ELEMENT = re.compile(r'\bxml_own\(t, "([^"]+)"')
NAME = re.compile(r'^CTL(?:_WORDS|_ALL|_ABSENT)?\("([^"]+)"', re.MULTILINE)
OPTION = re.compile(r"^OPTION\((\w+),", re.MULTILINE)
# `key:value` in Markdown, alone or behind the variable's name.
KEY = re.compile(r"(?:`|TRIMALLOC_CONF=)([a-z_]+):\w")
# A page of ours that another one refers to.
OURS = re.compile(r"\b(trimalloc[\w.-]*) ?\((\d)\)")
REFERENCES = "every page of ours that a manual page refers to is there"
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


def pages(tree):
    """Every manual page: those that are written, and those that were generated."""
    folders = {os.path.realpath(path) for path in (os.path.join(tree, "doc"), built("doc")) if path}
    return sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "*.[1-8]")))


# What finds fault with a page: each writes its complaints, if any, and no page.
CRITICS = (("groff", ["groff", "-man", "-t", "-ww", "-z", "-Tutf8"]),
           ("man", ["man", "--warnings", "-E", "UTF-8", "-P", "true", "-Tutf8", "-l"]),
           ("mandoc", ["mandoc", "-T", "lint", "-W", "warning"]))


def complaints(command, path):
    """What a critic says; man writes the page itself to standard output."""
    done = subprocess.run(command + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    said = done.stderr if command[0] == "man" else done.stdout + done.stderr
    return ["%s: %s" % (os.path.basename(path), line) for line in said.splitlines()]


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


def check_names(tree, report):
    sentence = "trimalloc-mallctl(3) has every name of mallctl, and no placeholder"
    path = built("doc/trimalloc-mallctl.3")
    if path is None:
        report.skip(sentence, "it was not built")
        return
    with open(path, encoding="utf-8") as file:
        page = file.read()
    names = NAME.findall(source.read(tree, "alloc/control/ctl.def"))
    names += ["trimalloc.options." + name
              for name in OPTION.findall(source.read(tree, "alloc/base/options.def"))]
    found = set(re.findall(r"^\.BR (\S+)", page, re.MULTILINE))
    wrong = ["%s is not told" % name for name in names if name not in found]
    report.sentence(sentence, (wrong if len(names) > 200 else ["no names were found"])
                    + re.findall(r"@\w+@|INCLUDEDIR|LIBDIR", page))


def check_critics(tree, report):
    for name, command in CRITICS:
        sentence = "%s finds nothing to complain about in the manual pages" % name
        if shutil.which(name) is None:
            report.skip(sentence, "there is no %s here" % name)
        else:
            report.sentence(sentence, [line for path in pages(tree) for line in complaints(command, path)])


def check_references(tree, report):
    """trimalloc-x(7) in a page, in fonts or not, is one of the pages."""
    known = {os.path.basename(path) for path in pages(tree)}
    if "trimalloc.conf.5" not in known:
        report.skip(REFERENCES, "the generated pages were not built")
        return
    found = []
    for path in pages(tree):
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\-", "-").replace("\\fP", "")
        found += ["%s: there is no %s(%s)" % (os.path.basename(path), name, section)
                  for name, section in OURS.findall(text) if "%s.%s" % (name, section) not in known]
    report.sentence(REFERENCES, found)


def check_keys(tree, report):
    """Keys with a value, in pages that tell what to set instead of something else."""
    names = set(OPTION.findall(source.read(tree, "alloc/base/options.def")))
    theirs = set(re.findall(r'^CONF\("(\w+)"', source.read(tree, "alloc/control/conf.def"), re.MULTILINE))
    found = []
    for page, known in (("doc/coming-from-glibc.md", names), ("doc/coming-from-jemalloc.md", names | theirs)):
        keys = KEY.findall(source.read(tree, page))
        found += ["%s: there is no option %s" % (page, key) for key in keys if key not in known]
        if not keys:
            found.append("%s has no option in it" % page)
    report.sentence("the pages for those who come from elsewhere name no option that does not exist", found)


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
    check_names(tree, report)
    check_keys(tree, report)
    check_references(tree, report)
    check_critics(tree, report)
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""go.py -- Go with cgo: building it, with Go's own library, takes most of a minute."""

import tempfile

import languages
import tap

if __name__ == "__main__":
    REPORT = tap.Report()
    with tempfile.TemporaryDirectory(prefix="trimalloc-go-") as FOLDER:
        languages.try_go(REPORT, FOLDER)
    REPORT.end()

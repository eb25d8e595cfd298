#!/usr/bin/env python3
"""long.py -- programs that are not Java, with much work: `make check-programs`."""

import importlib.util
import sys

import cases

# Of Python's own tests, those that allocate most, and those that fork.
PYTHON_TESTS = ("test_json test_dict test_list test_set test_bytes test_str test_unicode test_re "
                "test_pickle test_zlib test_array test_deque test_itertools test_memoryview test_struct "
                "test_decimal test_long test_gc test_weakref test_thread test_threading_local "
                "test_fork1 test_bz2 test_lzma test_xml_etree test_sqlite3").split()


def python_tests(place):
    known = [name for name in PYTHON_TESTS if importlib.util.find_spec("test." + name)]
    # These tests read standard error, where no statistics may be; so another
    # run with the same preload shows that the library is there.
    place.run([sys.executable, "-c", "pass"])
    place.run([sys.executable, "-m", "test", "--quiet", "-j", "2"] + known,
              env={"PYTHONMALLOC": "malloc", "TRIMALLOC_CONF": ""})
    return "passed"


if __name__ == "__main__":
    if importlib.util.find_spec("test") and importlib.util.find_spec("test.test_json"):
        cases.CASES += (("python3's own tests say", sys.executable, python_tests),)
    cases.main(scale=6)

#!/usr/bin/env python3
"""guarded_long.py -- all of guarded.py: more JVM options, every bug, each twice."""

import guarded

WAYS = [("", []), (" with -Xcomp", ["-Xcomp"]), (" with -Xint", ["-Xint"]), (" with ZGC", ["-XX:+UseZGC"]),
        (" with the serial collector", ["-XX:+UseSerialGC"])]

if __name__ == "__main__":
    guarded.run_all(WAYS, guarded.BUGS * 2)

#!/usr/bin/env python3
"""quick.py -- programs that are not Java, for some seconds each: `make check`."""

import cases

if __name__ == "__main__":
    cases.main(scale=1)

#!/bin/sh
# larger_pages_all.sh -- for make check-pages: every program of the suite that
# holds whatever the size of the kernel's pages.
exec "${PYTHON:-python3}" "$(dirname "$0")/larger_pages.py" --all

#!/usr/bin/env python3
"""checked.py -- check:full finds nothing wrong where nothing is.

Runs programs of this folder with TRI_CONF=check:full, which each of their cases
then has in front of its own options. PROGRAM... instead of those named here:
all of tests/process but what measures bytes or times passes.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "rules"))
import tap  # noqa: E402

PROGRAMS = ("zeroed", "resizing", "aligned", "freeing", "mallocx")
# A block of no bytes has none to use, and nallocx() has to say more than 0. What is
# freed twice is known at once, whatever was written to it, and not under a lock.
DIFFERENT = {"nallocx_says_what_mallocx_gives",
             "a_handler_of_aborts_that_waits_for_a_lock_does_not_wait_for_ever",
             "a_handler_of_aborts_is_called_with_locks_held"}
LIMIT_SECONDS = 240


def complaints_of(program):
    folder = os.path.join(os.environ.get("top_builddir", "."), "tests/process")
    env = dict(os.environ, TRI_CONF="check:full", CMOCKA_MESSAGE_OUTPUT="TAP")
    done = subprocess.run([os.path.join(folder, program)], env=env, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT_SECONDS, check=False)
    results = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "not ok "))]
    bad = [line for line in results
           if line.startswith("not") and line.split(" - ")[-1] not in DIFFERENT]
    if not results:
        yield "it ran no case:\n" + done.stdout
    if bad:
        yield "\n".join(bad) + "\n" + "\n".join(
            line for line in done.stdout.splitlines() if "not true" in line or "trimalloc:" in line)


def main():
    report = tap.Report()
    for program in sys.argv[1:] or PROGRAMS:
        report.sentence("all of tests/process/%s holds with check:full" % program,
                        complaints_of(program))
    report.end()


if __name__ == "__main__":
    main()

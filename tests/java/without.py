#!/usr/bin/env python3
"""without.py -- JVMs where the system lacks something: kernel calls that a filter
refuses, /proc, /sys. What stops the JVM on the host's malloc too is skipped.
"""

import os
import subprocess

import jvm
from jvm import tap

WITHOUT = os.path.join(os.path.abspath(os.environ.get("top_builddir", ".")),
                       "tests", "fault", "without")
CANNOT = 77

LOADS = ["gzip:4,3", "direct:4,20", "jni:2,300", "threads:40"]
EPERM, EINVAL, ENOSYS = "1", "22", "38"
REFUSALS = ["membarrier=" + ENOSYS, "process_madvise=" + ENOSYS, "mremap=" + ENOSYS,
            "mincore=" + ENOSYS, "close_range=" + ENOSYS, "pidfd_open=" + ENOSYS,
            "madvise:8=" + EINVAL, "madvise:24=" + EINVAL]
SURROUNDINGS = [
    ("/sys is empty and a filter refuses membarrier, process_madvise, mremap and newer kinds of madvise",
     ["sys"] + REFUSALS),
    ("a filter refuses membarrier and every madvise", ["membarrier=" + EPERM, "madvise=" + EPERM]),
    ("it is in a chroot without /proc, /sys and /dev, and a filter refuses the same", ["root"] + REFUSALS),
]
# Ticks that come often, so that purges are asked for and refused; proof of presence.
CONF = "decay_ms:100,stats_at_exit:true"


def command(bench, what, preload):
    if "root" in what:
        what = what + ["keep=/etc", "keep=" + bench.folder, "keep=" + os.path.dirname(bench.library)]
    # Without /proc the dynamic linker does not know where the program lies.
    home = os.path.join(bench.jdk.home, "lib")
    words = [WITHOUT] + what + ["--", "env", "LD_LIBRARY_PATH=%s:%s/server" % (home, home)]
    if preload:
        words += ["LD_PRELOAD=" + bench.preload, "TRIMALLOC_CONF=" + CONF]
    return words + bench.load_command([], LOADS)


def loads(bench, what, preload):
    """(why it cannot be had here, complaints)."""
    try:
        done = subprocess.run(command(bench, what, preload), env=jvm.clean_environment(),
                              cwd=bench.folder, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=jvm.LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, ["it did not end within %d s" % jvm.LIMIT_SECONDS]
    if done.returncode == CANNOT:
        return done.stdout.strip(), []
    found = list(jvm.complaints_of(done.returncode, done.stdout + done.stderr, bench.folder))
    lines = done.stdout.splitlines()
    found += ["the load %s was not passed" % load for load in LOADS if "passed " + load not in lines]
    if preload and " statistics, process " not in done.stderr:
        found.append("the library wrote no statistics at exit: was it there?")
    return None, found


def check(report, bench, name, what):
    sentence = "%s: a JVM passes its loads where %s" % (bench.jdk, name)
    cannot, complaints = loads(bench, what, True)
    if cannot:
        report.skip(sentence, cannot)
        return
    if complaints:
        # Perhaps it is the JVM that cannot do without.
        _, theirs = loads(bench, what, False)
        if theirs:
            report.skip(sentence, "nor does it on the host's malloc: %s" %
                        theirs[0])
            return
    report.sentence(sentence, complaints)


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM passes its loads where the system lacks something"):
        for name, what in SURROUNDINGS:
            check(report, bench, name, what)
    report.end()


main()

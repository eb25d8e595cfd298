#!/usr/bin/env python3
"""resident.py -- a JVM's resident memory follows what its native code uses."""

import subprocess

import jvm
from holder import MB, holder
from jvm import tap

HELD = 160
THREADS = 100
# It takes about a second; a loaded machine may need some more.
PATIENCE = 8
# Of what was freed, at least.
SHARE = 0.9


def falls(one, bytes_held):
    """After its blocks were freed; what is wrong."""
    peak = one.resident()
    if peak < bytes_held:
        return ["%d MB are held and %d resident" % (bytes_held // MB, peak // MB)]
    one.free()
    seconds = one.falls_to(peak - int(SHARE * bytes_held), PATIENCE)
    if seconds is None:
        return ["of %d MB, %d MB were freed, and %d are resident" %
                (peak // MB, bytes_held // MB, one.resident() // MB)]
    print("# %d MB fell to %d in %.1f s" % (peak // MB, one.resident() // MB, seconds))
    return []


def check(report, sentence, bench, load, conf=None, options=()):
    """One JVM, from its beginning to its end."""
    with holder(bench, load, conf, options) as one:
        complaints = falls(one, HELD * MB)
        report.sentence("%s: %s" % (bench.jdk, sentence), complaints + one.end())


def interval_options(bench):
    """What makes the JVM trim by itself; None where it cannot."""
    options = ["-XX:+UnlockExperimentalVMOptions", "-XX:+UnlockDiagnosticVMOptions"]
    said = subprocess.run([bench.jdk.tool("java")] + options + ["-XX:+PrintFlagsFinal", "-version"],
                          text=True, env=jvm.clean_environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False).stdout
    return options + ["-XX:TrimNativeHeapInterval=500"] if "TrimNativeHeapInterval" in said else None


def main():
    report = tap.Report()
    for bench in jvm.each_bench(report, "a JVM's resident memory follows what its native code uses"):
        check(report, "what was freed goes back by itself", bench, "hold:%d" % HELD)
        check(report, "what a burst of %d threads freed goes back while they wait" % THREADS, bench,
              "burst:%d,%d" % (THREADS, HELD))
        options = interval_options(bench)
        sentence = "-XX:TrimNativeHeapInterval gives back what does not go by itself"
        if options is None:
            report.skip("%s: %s" % (bench.jdk, sentence), "this JDK does not have the option")
        else:
            check(report, sentence, bench, "hold:%d" % HELD, "decay_ms:-1", options)
    report.end()


if __name__ == "__main__":
    main()

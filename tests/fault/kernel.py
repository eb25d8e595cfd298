#!/usr/bin/env python3
"""kernel.py -- every call of the library's that may fail was failed, and survived.

	kernel.py		what tests/fault/kernel says, against what the
				library's machine code and symbols say
	kernel.py --all [PART/PARTS]	the same for every k (hours), or for
				that part of them

The list of places goes to standard output, a comment for each: how often the
longest life calls it, and how many runs failed it.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests", "rules"))
import tap  # noqa: E402

BUILD = os.environ["top_builddir"]
KERNEL = os.path.join(BUILD, "tests", "fault", "kernel")

# What the library calls besides, and why nothing there can be refused.
HARMLESS = {
    "no call of the kernel's": """
        __errno_location __sched_cpucount getauxval memchr memcmp memcpy memmove
        memset sigemptyset sigfillset strchr strcmp strcspn strlen strncmp strncpy
        strrchr strstr pthread_attr_destroy pthread_attr_setdetachstate
        pthread_attr_setinheritsched pthread_attr_setstacksize""",
    "it always succeeds": "abort geteuid getpid sched_yield",
    "its failure is not told, and changes nothing": "pthread_setname_np",
    "the handlers of fork are registered before there is a thread":
        "__register_atfork",
    "a stream of the caller's (malloc_info)": "fwrite",
    "the dynamic linker's; without them pthread_create answers EAGAIN":
        "dladdr dlclose dlopen dlsym __libc_dlopen_mode __libc_dlsym",
    "the C library's own, under names that the library takes the place of":
        "__sigaction ssignal sysv_signal",
    "C++'s and the linker's own": """
        _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
        _ZSt15get_new_handlerv _ZSt17__throw_bad_allocv __cxa_finalize
        __gmon_start__ __tls_get_addr
        __stack_chk_fail""",
}

CALL = re.compile(r"^ *([0-9a-f]+):.*\s(?:callq?|bl)\s.*<__wrap_(\w+)(?:@plt)?>")
LINE = re.compile(r"^ *([0-9a-f]+):\t")


def output(*command):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def places_in_code():
    """Return address -> name of each call of a wrapped function."""
    places, name = {}, None
    for line in output("objdump", "-d", "--no-show-raw-insn", KERNEL).splitlines():
        at = LINE.match(line)
        if at and name:
            places[int(at[1], 16)] = name
        call = CALL.match(line)
        if at or call:
            name = call[2] if call else None
    return places


def lines_of(places):
    """Return address -> file:line, for those in alloc/."""
    addresses = sorted(places)
    text = subprocess.run(["addr2line", "-e", KERNEL],
                          input="".join("%x\n" % (a - 1) for a in addresses),
                          check=True, text=True, stdout=subprocess.PIPE).stdout
    lines = {}
    for address, line in zip(addresses, text.splitlines()):
        found = re.search(r"alloc/(\w+/\w+\.[ch]:\d+)", line)
        if found:
            lines[address] = found[1]
    return lines


def asked_for():
    """Names that the library asks others for."""
    text = output(*shlex.split(os.environ.get("NM", "nm")), "-D", "-u", os.environ["TRI_LIB"])
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


def wrapped():
    text = output(*shlex.split(os.environ.get("NM", "nm")), KERNEL)
    return set(re.findall(r" T __wrap_(\w+)", text))


def run_and_show():
    """What it says and its status; on the way, how far it is and what failed."""
    said, tail = [], ""
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen([KERNEL] + sys.argv[1:], text=True,
                              stdout=subprocess.PIPE, stderr=errors) as run:
            for line in run.stdout:
                if line.startswith(("at ", "failed: ")):
                    print("# %s" % line.rstrip(), flush=True)
                said.append(line)
        errors.seek(0)
        tail = errors.read()[-500:]
    return "".join(line for line in said if not line.startswith("at ")), run.returncode, tail


def main():
    report = tap.Report()
    stdout, status, stderr = run_and_show()
    places = places_in_code()
    lines = lines_of(places)
    seen, failures = {}, []
    for line in stdout.splitlines():
        if line.startswith("place "):
            _, address, name, count, nfails = line.split()
            seen[int(address, 16)] = (name, int(count), int(nfails))
    failures = re.findall(r"^failed: .*(?:\n(?!failed: |place |done ).*)*",
                          stdout, re.M)
    if not stdout.rstrip().splitlines()[-1:] or status not in (0, 1):
        failures.append("status %d: %s" % (status, stderr))

    def cannot_fail(line):
        path, number = line.split(":")
        with open(os.path.join(os.environ["top_srcdir"], "alloc", path)) as f:
            return "SYS_gettid" in f.read().splitlines()[int(number) - 1]

    # next_create is where pthread_create comes from: its place is another one.
    own = {a: n for a, n in places.items() if a in lines and n != "next_create"}
    hit = {lines.get(a) for a, (_, _, nfails) in seen.items() if nfails > 0}
    table = {}
    for address, (name, count, nfails) in seen.items():
        if address in lines:
            old = table.get((lines[address], name), (0, 0))
            table[lines[address], name] = (max(old[0], count), old[1] + nfails)

    report.sentence("whatever fails, the process goes on and its books are right",
                    failures)
    report.sentence("every place that asks for what may be refused was refused it",
                    sorted("%s: %s was never failed" % (lines[a], n)
                           for a, n in own.items()
                           if lines[a] not in hit and not cannot_fail(lines[a])))
    report.sentence("pthread_create failed for the library's threads and the program's",
                    [] if any(n == "pthread_create" and f > 0
                              for n, _, f in seen.values()) else ["it did not"])
    known = wrapped() | {n for names in HARMLESS.values() for n in names.split()}
    report.sentence("the library calls nothing else that could fail",
                    sorted(asked_for() - known))
    for (line, name), (count, nfails) in sorted(table.items()):
        print("# %-34s %-20s %6d calls, failed in %d runs" %
              (line, name, count, nfails))
    print("# %s" % stdout.rstrip().splitlines()[-1])
    report.end()


main()

#!/usr/bin/env python3
"""surroundings.py -- what the library does where the system lacks something.

	surroundings.py			TAP; what is measured is what the table in
					tests/README.md says
	surroundings.py --write		measures anew and writes the table
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

TOP = os.environ["top_srcdir"]
BUILD = os.path.realpath(os.environ["top_builddir"])
LIBRARY = os.path.realpath(os.environ["TRI_LIB"])
README = os.path.join(TOP, "tests", "README.md")
BEGIN = "<!-- begin: written by tests/fault/surroundings.py -->\n"
END = "<!-- end: written by tests/fault/surroundings.py -->\n"

sys.path.insert(0, os.path.join(TOP, "tests", "rules"))
import tap  # noqa: E402

WITHOUT = os.path.join(BUILD, "tests", "fault", "without")
WITNESS = os.path.join(BUILD, "tests", "fault", "witness")
CANNOT = 77
LIMIT_SECONDS = 280

WORDS = ("trim", "itself", "caches", "dump", "socket")
YES = dict.fromkeys(WORDS, "yes")


def uptime():
    with open("/proc/uptime", encoding="ascii") as file:
        return int(float(file.read().split()[0]))


class Row:
    """Surroundings: what `without` is told, options, and which service is missing."""

    def __init__(self, name, what, missing=(), conf="", reason=""):
        self.name, self.what, self.conf, self.reason = name, what, conf, reason
        self.expected = dict(YES, **dict.fromkeys(missing, "no"))


ROWS = [
    Row("nothing", []),
    Row("membarrier: ENOSYS", ["membarrier=38"], ["caches"],
        reason="what idle threads hold stays with them until they end or allocate"),
    Row("membarrier: EPERM", ["membarrier=1"], ["caches"], reason="the same"),
    Row("madvise: EPERM, all kinds", ["madvise=1"], ["trim", "itself"],
        reason="the kernel is asked again at each tick; nothing is lost"),
    Row("madvise(MADV_DONTNEED): EINVAL", ["madvise:4=22"],
        reason="MADV_DONTNEED_LOCKED does it, from Linux 5.18 on"),
    Row("MADV_DONTNEED and MADV_DONTNEED_LOCKED: EINVAL",
        ["madvise:4=22", "madvise:24=22", "process_madvise=1"], ["trim", "itself"],
        reason="as before Linux 5.18 after mlockall"),
    Row("MADV_HUGEPAGE: EINVAL, thp:always", ["madvise:14=22"], conf="thp:always",
        reason="small pages"),
    Row("MADV_NOHUGEPAGE: EINVAL, thp:never", ["madvise:15=22"], conf="thp:never",
        reason="as the system says"),
    Row("process_madvise: EPERM", ["process_madvise=1"], reason="one madvise for each range"),
    Row("process_madvise: ENOSYS", ["process_madvise=38"], reason="the same"),
    Row("mremap: ENOSYS", ["mremap=38"], reason="large blocks that grow are copied"),
    Row("mremap: EPERM", ["mremap=1"], reason="the same"),
    Row("mincore: ENOSYS", ["mincore=38"],
        reason="reports do not know what was never touched"),
    Row("sched_getaffinity: EPERM", ["sched_getaffinity=1"],
        reason="arenas by the cgroup's quota alone"),
    Row("prlimit64: EPERM", ["prlimit64=1"], reason="commit charge counts as plenty"),
    Row("sched_yield: EPERM", ["sched_yield=1"]),
    Row("getrandom, memfd_create: ENOSYS", ["getrandom=38", "memfd_create=38"],
        reason="neither is called"),
    Row("rseq: ENOSYS", ["rseq=38"], reason="it is not called"),
    Row("clone3: ENOSYS", ["clone3=38"], reason="the C library's clone"),
    Row("close_range: ENOSYS", ["close_range=38"], ["socket"],
        reason="no table of descriptors of its own, so no socket"),
    Row("pipe2, dup3: EMFILE", ["pipe2=24", "dup3=24"],
        reason="the first three numbers of that table stay free"),
    Row("pidfd_open: ENOSYS", ["pidfd_open=38"], reason="/proc/self/fd/2 for standard error"),
    Row("pidfd_getfd: EPERM", ["pidfd_getfd=1"], reason="the same"),
    Row("eventfd2: ENOSYS", ["eventfd2=38"], ["socket"]),
    Row("ppoll: ENOSYS", ["ppoll=38"], ["socket"]),
    Row("accept4: EPERM", ["accept4=1"], ["socket"]),
    Row("bind: EACCES", ["bind=13"], ["socket"]),
    Row("socket: EACCES", ["socket=13"], ["socket"]),
    Row("no /proc", ["proc"], reason="no cgroups: no pressure; a long socket path fails"),
    Row("no /sys", ["sys"], reason="no cgroups: no pressure"),
    Row("neither", ["proc", "sys"]),
    Row("chroot without /proc, /sys and /dev", ["root"]),
    Row("a clock ten years on", ["clock=315360000"]),
    Row("a clock that began just now", ["clock=-%d" % (uptime() - 2)]),
    Row("a sandbox: none of membarrier, process_madvise, mremap, mincore, pidfd_getfd, "
        "close_range, no /proc", ["proc", "membarrier=38", "process_madvise=38", "mremap=38",
                                  "mincore=38", "pidfd_getfd=38", "close_range=38"],
        ["caches", "socket"]),
]


def measure(row):
    """(what it lacks here, None) or (None, words and what it said) or a complaint."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        conf = "decay_ms:100,dump_path:%s/dump,control:%s/socket" % (folder, folder)
        if row.conf:
            conf += "," + row.conf
        what = row.what + ["keep=" + BUILD, "keep=" + folder] if "root" in row.what else row.what
        hopeless = [word for word in WORDS if row.expected[word] == "no"]
        try:
            done = subprocess.run(
                [WITHOUT] + what + ["--", "env", "LD_PRELOAD=" + LIBRARY,
                                    "TRIMALLOC_CONF=" + conf, WITNESS, folder] + hopeless,
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None, "it did not end", ""
    if done.returncode == CANNOT:
        return done.stdout.strip(), None, ""
    said = "; ".join(sorted(set(
        line.replace(folder, "").replace("trimalloc: ", "") for line in done.stderr.splitlines())))
    words = dict(line.split() for line in done.stdout.splitlines())
    if done.returncode != 0 or words.pop("end", "no") != "yes":
        return None, "status %d: %s" % (done.returncode, done.stderr[-300:]), ""
    return None, words, said


def line(row, words, said):
    cells = [row.name] + [words.get(word, "?") for word in WORDS]
    notes = [row.reason] if row.reason else []
    if said:
        notes.append("it says `%s`" % said)
    return "| %s | %s |" % (" | ".join(cells), "; ".join(notes))


def table(lines):
    return "\n".join([
        "| what is missing | malloc_trim gives back | so does the trim thread | idle caches are "
        "emptied | dump | socket | |", "|---|---|---|---|---|---|---|"] + lines) + "\n"


def written():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    return text, text.index(BEGIN) + len(BEGIN), text.index(END)


def write(results):
    text, begin, end = written()
    with open(README, "w", encoding="utf-8") as file:
        file.write(text[:begin] + "\n" + table(results) + text[end:])


def check(report, row, result, stands):
    cannot, words, said = result
    if cannot:
        report.skip(row.name, cannot)
        return None
    if isinstance(words, str):
        report.sentence("%s: the program goes on" % row.name, [words])
        return None
    report.sentence("%s: the program goes on, with the service that it can have" % row.name,
                    ["%s: %s, not %s" % (word, words.get(word), expected)
                     for word, expected in row.expected.items() if words.get(word) != expected])
    now = line(row, words, said)
    report.sentence("%s: tests/README.md says so" % row.name,
                    [] if now in stands or "--write" in sys.argv else ["measured: " + now])
    return now


def main():
    report = tap.Report()
    text, begin, end = written()
    stands = set(text[begin:end].splitlines())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(measure, ROWS))
    lines = [check(report, row, result, stands) for row, result in zip(ROWS, results)]
    report.sentence("the table in tests/README.md has no other rows",
                    [] if "--write" in sys.argv else
                    ["%s" % s for s in stands if s.startswith("|")
                     and s.split("|")[1].strip() not in [r.name for r in ROWS]
                     + ["what is missing", "---"]])
    if "--write" in sys.argv and all(lines):
        write(lines)
    report.end()


main()

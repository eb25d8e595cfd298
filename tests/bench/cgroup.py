#!/usr/bin/env python3
"""cgroup.py -- the memory cgroup that bench/rss puts a scenario into.

What it reads is made up here, and so are the files of version 2; where the
machine lets one be made, a real group kills a real process.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(TREE, "tests", "rules"), os.path.join(TREE, "bench")]

import tap  # noqa: E402
from rss import cgroup  # noqa: E402

MIB = 1 << 20
V1_LINE = ("36 32 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:14 - "
           "cgroup cgroup rw,memory\n")
CPU_LINE = "35 32 0:30 / /sys/fs/cgroup/cpu rw shared:13 - cgroup cgroup rw,cpu,cpuacct\n"
V2_LINE = "33 32 0:28 / /sys/fs/cgroup/my\\040own rw,nosuid shared:10 - cgroup2 cgroup2 rw\n"


def differs(what, got, expected):
    return [] if got == expected else [f"{what}: {got!r} instead of {expected!r}"]


def refused(function, *arguments):
    """The reason that the function gives, or None."""
    try:
        function(*arguments)
    except cgroup.Unavailable as reason:
        return str(reason)
    return None


def mounts_are_found():
    old, new = (cgroup.V1, "/sys/fs/cgroup/memory"), (cgroup.V2, "/sys/fs/cgroup/my own")
    return (differs("version 1", cgroup.find_mount(CPU_LINE + V1_LINE), old)
            + differs("version 2", cgroup.find_mount(V2_LINE), new)
            + differs("both", cgroup.find_mount(V2_LINE + V1_LINE), old)
            + differs("version 1 without memory", cgroup.find_mount(CPU_LINE + V2_LINE), new)
            + differs("none", refused(cgroup.find_mount, CPU_LINE),
                      "no memory cgroup is mounted"))


def kills_are_counted():
    v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"
    v2 = "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n"
    return (differs("version 1", cgroup.count_kills(v1), 2)
            + differs("version 2", cgroup.count_kills(v2), 3)
            + differs("an old kernel", cgroup.count_kills("under_oom 1\n"), 0))


def swap_is_seen():
    head = "Filename\tType\tSize\tUsed\tPriority\n"
    return (differs("none", cgroup.has_swap(head), False)
            + differs("one", cgroup.has_swap(head + "/dev/sda2 partition 1 0 -2\n"), True))


def owners_are_known():
    return (differs("ours", cgroup.owner("trimalloc-bench-123"), 123)
            + differs("its fourth", cgroup.owner("trimalloc-bench-123.4"), 123)
            + differs("another's", cgroup.owner("trimalloc-bench-12x.1"), None)
            + differs("a slice", cgroup.owner("system.slice"), None))


def fill_files(folder, **texts):
    for name, text in texts.items():
        with open(os.path.join(folder, name.replace("_", ".", 1)), "w",
                  encoding="ascii") as file:
            file.write(text)


def version_2_has_its_files():
    with tempfile.TemporaryDirectory() as folder:
        group = cgroup.Group(cgroup.V2, folder)
        without_peak = group.peak_bytes()
        fill_files(folder, memory_peak="4096\n", memory_events="oom 1\noom_kill 1\n")
        group.limit(64 * MIB)
        group.join()
        return (differs("limit", cgroup.read(folder, "memory.max"), str(64 * MIB))
                + differs("swap", cgroup.read(folder, "memory.swap.max"), "0")
                + differs("process", cgroup.read(folder, "cgroup.procs"), str(os.getpid()))
                + differs("peak", group.peak_bytes(), 4096)
                + differs("peak of an old kernel", without_peak, None)
                + differs("kills", group.kills(), 1))


def controllers_are_handed_down():
    with tempfile.TemporaryDirectory() as top:
        fill_files(top, cgroup_subtree_control="cpu io\n")
        reason = refused(cgroup.check_handed_down, top)
        fill_files(top, cgroup_subtree_control="cpu io memory\n")
        return (differs("without", reason is None, False)
                + differs("with", refused(cgroup.check_handed_down, top), None))


def stale_groups_go():
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True,
                          check=True).stdout.strip()
    names = [f"trimalloc-bench-{gone}", f"trimalloc-bench-{os.getpid()}", "another-1"]
    with tempfile.TemporaryDirectory() as top:
        for name in names:
            os.mkdir(os.path.join(top, name))
        cgroup.remove_stale(top)
        return differs("left", sorted(os.listdir(top)), sorted(names[1:]))


## Real groups

def confine(script, limit):
    """(status, kills, peak) of a Python process that runs the script."""
    with cgroup.limited(limit) as group:
        done = subprocess.run([sys.executable, "-c", script], preexec_fn=group.join,
                              stderr=subprocess.DEVNULL, check=False)
        return done.returncode, group.kills(), group.peak_bytes(), group.folder


def the_greedy_are_killed():
    status, kills, peak, folder = confine("x = b'x' * (256 << 20)", 64 * MIB)
    return (differs("status", status, -signal.SIGKILL) + differs("kills", kills, 1)
            + ([f"a peak of {peak} bytes"] if peak is not None and peak > 64 * MIB else [])
            + differs("the group is left", os.path.exists(folder), False))


def the_modest_live():
    status, kills, peak, folder = confine("x = b'x' * (32 << 20)", 256 * MIB)
    return (differs("status", status, 0) + differs("kills", kills, 0)
            + ([f"a peak of {peak} bytes"] if peak is not None and peak < 32 * MIB else [])
            + differs("the group is left", os.path.exists(folder), False))


# A scenario that has 100 MiB alive at most, and uses twice as much.
WASTEFUL = """
import json, sys
dry = "--dry" in sys.argv
def say(mark, **more):
    print(json.dumps({"mark": mark, "t_ns": 0, **more}), flush=True)
say("start")
x = b"x" * (0 if dry else 200 << 20)
say("lull")
say("result", live_peak_bytes=100 << 20)
say("end")
"""


def run_confined(factor):
    """The marks of WASTEFUL within so many times what it has alive."""
    done = subprocess.run([os.path.join(TREE, "bench", "rss", "confined"), factor,
                           sys.executable, "-c", WASTEFUL],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"status": done.returncode}, done.stderr.splitlines()[-3:]
    marks = [json.loads(line) for line in done.stdout.splitlines()]
    return marks[-2], [] if "pid" in marks[0] else ["the first mark names no process"]


def waste_is_killed():
    result, complaints = run_confined("1.3")
    return (complaints + differs("killed", result.get("killed"), 1)
            + differs("phases", result.get("phases"), 0)
            + differs("limit", result.get("limit_bytes"),
                      int(1.3 * (result.get("live_peak_bytes", 0)
                                 + result.get("program_bytes", 0)))))


def waste_is_measured():
    result, complaints = run_confined("0")
    part = result.get("peak_part", 1.7)
    return (complaints + differs("killed", result.get("killed"), 0)
            + differs("phases", result.get("phases"), 1)
            + ([] if 1.5 < part < 2.1 else [f"it used {part:.2f} times what it had alive"]))


PURE = (
    ("the memory controller's mount is found in both versions", mounts_are_found),
    ("a group's OOM kills are counted in both versions", kills_are_counted),
    ("swap is seen where there is any", swap_is_seen),
    ("a group tells which process made it", owners_are_known),
    ("a group of version 2 is limited by its files, without swap", version_2_has_its_files),
    ("version 2 must hand the controller down", controllers_are_handed_down),
    ("groups of processes that are gone are removed", stale_groups_go),
)
REAL = (
    ("a process above its group's limit is killed, and it shows", the_greedy_are_killed),
    ("a process below its group's limit lives", the_modest_live),
    ("a scenario that needs twice what is alive does not survive 1.3 times that", waste_is_killed),
    ("without a limit, what a scenario needs is measured", waste_is_measured),
)


def main():
    checks = tap.Report()
    for sentence, check in PURE:
        checks.sentence(sentence, check())
    why = cgroup.why_not()
    for sentence, check in REAL:
        if why:
            checks.skip(sentence, why)
        else:
            checks.sentence(sentence, check())
    checks.end()


if __name__ == "__main__":
    main()

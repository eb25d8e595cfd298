"""A memory cgroup around a process: a limit, the peak of its usage, its end.

Version 1 and 2. The group is made at the top of what is mounted, where no other
group's limit lies in between, and removed when the `with` is left. Swap is
forbidden: a process that is over its limit is killed, not slowed down.
"""

import contextlib
import itertools
import os
import re
import time

PREFIX = "trimalloc-bench-"
REMOVAL_S = 10
NUMBERS = itertools.count(1)    # of the groups of this process


class Unavailable(Exception):
    """Why there is no memory cgroup to be had."""


class Version:
    """A version's files. `kills` has a line `oom_kill N` in both."""

    def __init__(self, limit, swap, peak, kills):
        self.limit, self.swap, self.peak, self.kills = limit, swap, peak, kills


V1 = Version("memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
             "memory.max_usage_in_bytes", "memory.oom_control")
V2 = Version("memory.max", "memory.swap.max", "memory.peak", "memory.events")


def find_mount(mountinfo):
    """(version, folder) of the memory controller by the text of
    /proc/self/mountinfo. Version 2 may be mounted beside a version 1 that has
    the controller; so version 1 counts first."""
    unified = None
    for line in mountinfo.splitlines():
        fields, _, kind = line.partition(" - ")
        folder = fields.split()[4].replace("\\040", " ")
        name, _, options = kind.split(" ", 2)
        if name == "cgroup" and "memory" in options.split(","):
            return V1, folder
        if name == "cgroup2":
            unified = folder
    if unified is None:
        raise Unavailable("no memory cgroup is mounted")
    return V2, unified


def count_kills(text):
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def has_swap(swaps):
    """By the text of /proc/swaps: a line for each, below a heading."""
    return len(swaps.splitlines()) > 1


def owner(name):
    """The process that made a group of ours; None of other names."""
    found = re.fullmatch(re.escape(PREFIX) + r"(\d+)(?:\.\d+)?", name)
    return int(found.group(1)) if found else None


def read(*path):
    with open(os.path.join(*path), encoding="ascii", errors="replace") as file:
        return file.read()


class Group:
    """A folder of the controller."""

    def __init__(self, version, folder):
        self.version = version
        self.folder = folder

    def _write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def limit(self, nbytes):
        self._write(self.version.limit, nbytes)
        # Version 1 limits memory and swap together, version 2 swap by itself.
        swap = nbytes if self.version is V1 else 0
        try:
            self._write(self.version.swap, swap)
        except OSError as error:
            if has_swap(read("/proc/swaps")):
                raise Unavailable(f"swap cannot be limited: {error}") from error

    def join(self):
        """Moves the calling process in; what it had used stays where it was."""
        self._write("cgroup.procs", os.getpid())

    def peak_bytes(self):
        """None where the kernel does not keep it (version 2 before 5.19)."""
        try:
            return int(read(self.folder, self.version.peak))
        except FileNotFoundError:
            return None

    def kills(self):
        return count_kills(read(self.folder, self.version.kills))

    def remove(self):
        """Processes that were waited for leave their group a little later."""
        end = time.monotonic() + REMOVAL_S
        while True:
            try:
                return os.rmdir(self.folder)
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.005)


def check_handed_down(top):
    """Version 2 gives a group only the controllers that the one above hands down."""
    if "memory" not in read(top, "cgroup.subtree_control").split():
        raise Unavailable(f"{top} hands no memory controller down to its groups")


def remove_stale(top):
    """Groups of a process that was killed before it could remove them."""
    for name in os.listdir(top):
        pid = owner(name)
        if pid is not None and not os.path.exists(f"/proc/{pid}"):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(top, name))


def make():
    version, top = find_mount(read("/proc/self/mountinfo"))
    if version is V2:
        check_handed_down(top)
    remove_stale(top)
    group = Group(version, os.path.join(top, f"{PREFIX}{os.getpid()}.{next(NUMBERS)}"))
    try:
        os.mkdir(group.folder)
    except OSError as error:
        raise Unavailable(f"no group can be made: {error}") from error
    return group


@contextlib.contextmanager
def limited(nbytes=None):
    """A group with that limit, or with none, while the `with` lasts. The caller
    waits for the processes that joined. Raises Unavailable."""
    group = make()
    try:
        if nbytes is not None:
            try:
                group.limit(nbytes)
            except OSError as error:
                raise Unavailable(f"no limit can be set: {error}") from error
        yield group
    finally:
        group.remove()


def why_not(_context=None):
    """Why no process can be confined here, or None."""
    try:
        with limited(1 << 30):
            return None
    except Unavailable as reason:
        return str(reason)

"""Which allocators there are, where their libraries lie, and their versions."""

import ctypes
import glob
import hashlib
import os
import platform
import re
import struct
import subprocess

# Of an ELF file's program headers: what is loaded, what may be run.
PT_LOAD, PF_X = 1, 1
SUBJECT = "trimalloc"
BASELINE = "glibc"
# Names of the libraries in Debian's packages, without the version behind .so.
PACKAGED = {
    "jemalloc": "libjemalloc.so",
    "tcmalloc": "libtcmalloc_minimal.so",
    "mimalloc": "libmimalloc.so",
}
# Variables that would change an allocator behind the benchmark's back.
TUNING = re.compile(r"^(MALLOC_|GLIBC_TUNABLES|MIMALLOC_|TCMALLOC_|TRIMALLOC_|LD_PRELOAD)")


class Allocator:
    """A library to preload (glibc: none), and the variables that tune it."""

    def __init__(self, name, path, version, variables=None):
        self.name = name
        self.path = path
        self.version = version
        self.variables = variables or {}

    def environment(self):
        """The environment of a process that runs on this allocator."""
        inherited = {key: value for key, value in os.environ.items()
                     if not TUNING.match(key)}
        if self.path:
            inherited["LD_PRELOAD"] = self.path
        return {**inherited, **self.variables}

    def is_library(self, path):
        """Whether malloc, found in `path`, is this allocator's."""
        if not self.path:
            return re.search(r"libc[.-]", os.path.basename(path)) is not None
        return os.path.realpath(path) == os.path.realpath(self.path)


def find_packaged(stem):
    """The file of a packaged library, by the linker's cache, then by folder."""
    try:
        listing = subprocess.run(["/sbin/ldconfig", "-p"], check=True,
                                 capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        listing = ""
    found = [line.split("=> ")[1] for line in listing.splitlines()
             if line.strip().startswith(stem) and "=> " in line]
    for folder in ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        found += sorted(glob.glob(os.path.join(folder, stem + "*")))
    return os.path.realpath(found[0]) if found else None


def package_version(path):
    """The package's version, or what tells this file from another build."""
    try:
        for name in (path, path.replace("/usr/lib/", "/lib/", 1)):
            owner = subprocess.run(["dpkg-query", "-S", name], capture_output=True,
                                   text=True, check=False)
            if owner.returncode == 0:
                package = owner.stdout.split(": ")[0]
                return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                                      capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pass
    with open(path, "rb") as library:
        return "code sha256 " + hashlib.sha256(code_of(library.read())).hexdigest()[:12]


def code_of(library):
    """What of a library runs: a comment that moves line numbers makes no other one.
    All of it where it is no ELF file of 64 bits, the low byte first."""
    if library[:6] != b"\x7fELF\x02\x01":
        return library
    (table,), (size, count) = (struct.unpack_from("<Q", library, 32),
                               struct.unpack_from("<HH", library, 54))
    code = b""
    for i in range(count):
        kind, flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", library, table + i * size)
        if kind == PT_LOAD and flags & PF_X:
            code += library[offset:offset + length]
    return code


def glibc_version():
    libc = ctypes.CDLL(None)
    try:
        libc.gnu_get_libc_version.restype = ctypes.c_char_p
        return libc.gnu_get_libc_version().decode()
    except AttributeError:
        return platform.libc_ver()[1] or "?"


def find_all(subject_path, peers, variables):
    """(allocators, lines about those that are missing).

    `peers` is a list of (name, path), `variables` {name: {variable: value}}.
    """
    wanted = [(name, find_packaged(stem)) for name, stem in PACKAGED.items()]
    wanted += peers
    wanted.append((SUBJECT, subject_path))
    found = [Allocator(BASELINE, None, glibc_version(), variables.get(BASELINE))]
    missing = []
    for name, path in wanted:
        if path and os.path.isfile(path):
            path = os.path.abspath(path)
            found.append(Allocator(name, path, package_version(path),
                                   variables.get(name)))
        elif name in PACKAGED:
            missing.append(f"{name} is missing: no {PACKAGED[name]}.* on this machine")
        else:
            missing.append(f"{name} is missing: no file {path}")
    return found, missing

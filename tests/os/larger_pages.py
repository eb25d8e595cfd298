#!/usr/bin/env python3
"""larger_pages.py -- tests and whole processes where the kernel's pages are larger.

tests/os/pages_double.c is preloaded: it refuses what a kernel with pages of 16
or 64 KiB refuses, and rounds as that does. `larger_pages.py --all`, or `make
check-pages`, takes more programs, and minutes.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "rules"))

import tap  # noqa: E402  (found by the line above)

TOP = os.environ.get("top_builddir", ".")
DOUBLE = os.path.realpath(os.path.join(TOP, "tests/os/.libs/libpages_double.so"))
LIBRARY = os.path.realpath(os.environ.get("TRI_LIB", os.path.join(TOP, ".libs/libtrimalloc.so")))
SIZES = (16384, 65536)

# Programs of the suite that hold whatever the size of the kernel's pages: random
# loads whose blocks are checked, and what the interface promises.
UNIT = ["tests/pages/pageheap_random", "tests/heap/bin_random"]
PROCESS = ["tests/process/sizes", "tests/process/zeroed", "tests/process/freeing"]
MORE_UNIT = ["tests/pages/meta", "tests/pages/region", "tests/heap/arena", "tests/heap/large",
             "tests/cache/tcache", "tests/cache/drain", "tests/fault/api", "tests/fault/floors"]
MORE_PROCESS = ["tests/process/aligned", "tests/process/resizing", "tests/process/mallctl",
                "tests/process/mallocx", "tests/process/counted", "tests/process/threads",
                "tests/process/options", "tests/process/resident", "tests/process/shadow"]

# A thousand blocks of each size, of which nine in ten are freed and trimmed, and
# what is left is read.
LOAD = """
import ctypes, re
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def rss():
    return int(re.search(r"Anonymous: +([0-9]+)", open("/proc/self/smaps_rollup").read()).group(1)) // 1024
sizes = [24, 300, 5000, 20480, 40000, 70000, 3000000]
blocks = []
for size in sizes:
    for i in range(min(20000, (64 << 20) // size)):
        p = libc.malloc(size)
        ctypes.memset(p, i % 251, size)
        blocks.append((p, size, i % 251))
full = rss()
keep = [b for i, b in enumerate(blocks) if i % 1000 == 0]
for i, b in enumerate(blocks):
    if i % 1000:
        libc.free(b[0])
libc.malloc_trim(0)
for p, size, byte in keep:
    assert ctypes.string_at(p, size) == bytes([byte]) * size
print(full, rss())
"""


def environment(size, preload):
    env = dict(os.environ, TRI_PAGE_BYTES=str(size), CMOCKA_MESSAGE_OUTPUT="TAP")
    env.pop("TRIMALLOC_CONF", None)
    if preload:
        env["LD_PRELOAD"] = ":".join(preload)
    return env


def run(command, env):
    try:
        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=280, check=False)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 124, (late.stdout or b"") + b"\nit did not end")


def complaints_of(done):
    if done.returncode != 0:
        yield "it ended with %d; the end of what it said:" % done.returncode
        yield "\n".join(done.stdout.decode(errors="replace").splitlines()[-20:])


def of_program(name, size, is_process):
    """What is wrong with a program of the suite under the double."""
    env = environment(size, [] if is_process else [DOUBLE])
    if is_process:
        # Its cases preload what this says.
        env["TRI_LIB"] = DOUBLE + ":" + LIBRARY
    done = run([os.path.join(TOP, name)], env)
    yield from complaints_of(done)
    if not re.search(rb"^ok ", done.stdout, re.M) and not re.search(rb"PASSED", done.stdout):
        yield "no test passed"


def of_load(size):
    done = run([sys.executable, "-c", LOAD], environment(size, [DOUBLE, LIBRARY]))
    yield from complaints_of(done)
    found = re.search(rb"^(\d+) (\d+)$", done.stdout, re.M)
    if not found:
        yield "it did not say what was resident"
        return
    full, left = map(int, found.groups())
    # One block in a thousand is left, on one page of the kernel's each at most.
    if left > full // 3:
        yield "of %d MiB %d stayed" % (full, left)


def of_refusal():
    done = run(["/bin/true"], environment(128 * 1024, [DOUBLE, LIBRARY]))
    said = done.stdout.decode(errors="replace")
    if done.returncode != -6 or "the kernel's pages are larger than 64 KiB" not in said:
        yield "it ended with %d and said: %s" % (done.returncode, said)


def main():
    report = tap.Report()
    everything = "--all" in sys.argv[1:]
    unit = UNIT + (MORE_UNIT if everything else [])
    process = PROCESS + (MORE_PROCESS if everything else [])
    for size in SIZES:
        for name in unit + process:
            report.sentence("%s holds with pages of %d KiB" % (name[len("tests/"):], size // 1024),
                            of_program(name, size, name in process))
        report.sentence("with pages of %d KiB freed memory goes back and what is left is whole" % (size // 1024),
                        of_load(size))
    report.sentence("pages that cannot be served are refused with a sentence", of_refusal())
    report.end()


if __name__ == "__main__":
    main()

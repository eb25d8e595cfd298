"""Where a process's CPU time goes, by perf's samples of it: in the allocator's own
code, in page faults, in the calls by which memory is taken and given back.

perf samples all threads by the CPU clock, which needs no counters of the processor. The
allocator's code is told by the file that it is in, glibc's by the names of its
functions, for which Debian's libc6-dbg is needed.
"""

import os
import re
import shutil
import subprocess

HERTZ = 997
SECOND_NS = 1_000_000_000
PROGRAMS = {"perf": "linux-perf"}    # and Debian's package
SYMBOLS = "/proc/kallsyms"
OF_LIBC = "/usr/lib/debug/.build-id"
LIBRARY, FAULTS, CALLS, OTHER = "library", "faults", "calls", "other"
PARTS = (LIBRARY, FAULTS, CALLS)

# A chain of the kernel's functions that has one of these is of that part. Calls:
# the address space's, the barrier for which other threads are interrupted, and
# the interrupts by which they hear of pages that went.
FAULT = re.compile(r"(asm_)?exc_page_fault|do_(user_addr|page|mem)_fault|do_mem_abort")
CALL = re.compile(r"__\w+_sys_(madvise|process_madvise|munmap|mremap|mprotect|brk|mmap|membarrier)"
                  r"|(ksys|vm)_mmap_pgoff|__vm_munmap|do_madvise|do_mprotect_pkey|flush_tlb_func"
                  r"|(asm_)?sysvec_call_function(_single)?")
# Of glibc's malloc.c and arena.c.
OF_GLIBC = re.compile(
    r"(__GI_)?_*(libc_)?(malloc|free|cfree|calloc|realloc|memalign|aligned_alloc|valloc|pvalloc"
    r"|posix_memalign|malloc_trim|malloc_usable_size|mallinfo2?)|_int_(malloc|free|realloc|memalign"
    r"|free_check|free_merge_chunk)|_mid_memalign|malloc_consolidate|unlink_chunk|sysmalloc\w*"
    r"|systrim|mtrim|m(unmap|remap)_chunk|tcache_\w+|arena_get\w*|get_free_list|new_heap"
    r"|(heap|grow|shrink|alloc)_(trim|heap|new_heap)|__malloc_\w+|ptmalloc_init|alloc_perturb")
HEAD = re.compile(r"\s*\d+\.\d+:\s*")
FRAME = re.compile(r"\s+[0-9a-f]+ (.*) \((.*)\)")
KERNEL = "[kernel"


def why_not(library):
    """Why there can be no samples with that library; None where there can be."""
    if not shutil.which("perf"):
        return f"perf is missing (Debian: {PROGRAMS['perf']})"
    if not library and not os.path.isdir(OF_LIBC):
        return "the names of glibc's functions are missing (Debian: libc6-dbg)"
    try:
        with open(SYMBOLS, encoding="ascii") as file:
            named = int(file.readline().split()[0], 16) != 0
    except (OSError, ValueError, IndexError):
        named = False
    return None if named else f"{SYMBOLS} does not tell the kernel's functions (root may see them)"


def recorded(command, variables, path):
    """The command, sampled until its end. Its variables are not perf's own."""
    return ["perf", "record", "-q", "-o", path, "-e", "cpu-clock", "-F", str(HERTZ),
            "-k", "CLOCK_MONOTONIC", "--call-graph", "fp", "--", "env",
            *(f"{name}={value}" for name, value in variables.items()), *command]


def read(path, pid, start_ns, end_ns):
    """perf's text of a process's samples between two times of CLOCK_MONOTONIC, line
    by line. Its children's are in the file, too."""
    def seconds(t_ns):
        return f"{t_ns // SECOND_NS}.{t_ns % SECOND_NS:09d}"
    with subprocess.Popen(
            ["perf", "script", "-i", path, "--ns", "-F", "time,ip,sym,dso",
             "--pid", str(pid),
             "--time", f"{seconds(start_ns)},{seconds(end_ns)}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, errors="replace") as script:
        yield from script.stdout


def chains(lines):
    """[(function, file)] of each sample, innermost first."""
    chain = None
    for line in lines:
        frame = FRAME.fullmatch(line.rstrip("\n"))
        if frame and chain is not None:
            chain.append(frame.groups())
        elif HEAD.fullmatch(line):
            if chain:
                yield chain
            chain = []
    if chain:
        yield chain


def is_of(library, function, file):
    """Whether the code is the allocator's; without a library it is glibc's."""
    if library:
        return os.path.realpath(file) == library
    return os.path.basename(file).startswith("libc.so") and bool(OF_GLIBC.fullmatch(function))


def part_of(chain, library):
    function, file = chain[0]
    if not file.startswith(KERNEL):
        return LIBRARY if is_of(library, function, file) else OTHER
    # What came first is outermost: a fault in a call is the call's.
    for name, where in reversed(chain):
        if where.startswith(KERNEL) and CALL.fullmatch(name):
            return CALLS
        if where.startswith(KERNEL) and FAULT.fullmatch(name):
            return FAULTS
    return OTHER


def count(lines, library):
    """{part: CPU seconds} and "all" of them."""
    library = library and os.path.realpath(library)
    found = dict.fromkeys((*PARTS, OTHER), 0)
    for chain in chains(lines):
        found[part_of(chain, library)] += 1
    return {**{part: found[part] / HERTZ for part in PARTS}, "all": sum(found.values()) / HERTZ}


def figures(path, marks, library):
    """Of the load, by the marks of the sampled run."""
    def mark(name):
        return next(one for one in marks if one["mark"] == name)
    pid, start_ns, end_ns = mark("boot")["pid"], mark("start")["t_ns"], mark("result")["t_ns"]
    found = count(read(path, pid, start_ns, end_ns), library)
    if not found["all"]:
        raise KeyError("samples of the load")
    return {f"cost_{part}_s": value for part, value in found.items()}

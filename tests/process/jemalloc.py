#!/usr/bin/env python3
"""jemalloc.py -- programs made for jemalloc: its options, names and report.

Compiles a small program against our jemalloc.h and links it with the folder of
jemalloc's names; needs a C compiler.
"""

import glob
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules"))
import tap

SOURCE = r"""
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <string.h>

#ifdef CONF
const char *malloc_conf = CONF;
#endif

static void say(void *to, const char *s) { fputs(s, to); }

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		ssize_t n = 0;
		size_t len = sizeof n;

		if (strncmp(argv[i], "print:", 6) == 0)
			malloc_stats_print(say, stdout, argv[i] + 6);
		else if (mallctl(argv[i], &n, &len, NULL, 0) != 0 &&
			 mallctl(argv[i], &n, &len, NULL, 0) != 0)
			printf("none\n");
		else
			printf("%zd\n", n);
	}
	return 0;
}
"""

# What a program made for jemalloc may bind to.
FUNCTIONS = """malloc calloc realloc free aligned_alloc posix_memalign memalign valloc
malloc_usable_size mallocx rallocx xallocx sallocx dallocx sdallocx nallocx mallctl
mallctlnametomib mallctlbymib malloc_stats_print malloc_conf malloc_message""".split()

DECAY = "arenas.dirty_decay_ms"


def top(variable, default):
    return os.path.abspath(os.environ.get(variable, default))


class Programs:
    def __init__(self, folder):
        self.folder = folder
        self.names = os.path.join(top("top_builddir", "."), "jemalloc")
        self.include = os.path.join(top("top_srcdir", "."), "include")
        self.count = 0

    def compile(self, *flags, libraries=None):
        """By default linked as -ljemalloc in our folder, which names our library."""
        self.count += 1
        path = os.path.join(self.folder, "program%d" % self.count)
        library = os.path.dirname(top("TRI_LIB", ".libs/libtrimalloc.so"))
        command = os.environ.get("CC", "cc").split() + [
            "-x", "c", "-", "-x", "none", "-o", path, "-I" + self.include] + list(flags) + (libraries or [
                "-L" + self.names, "-ljemalloc", "-Wl,-rpath," + library])
        subprocess.run(command, input=SOURCE, text=True, check=True)
        return path


def run(program, *names, env=None, preload=False, **more):
    clean = {k: v for k, v in os.environ.items()
             if k not in ("MALLOC_CONF", "TRIMALLOC_CONF", "LD_PRELOAD")}
    clean.update(env or {})
    done = subprocess.run([program] + list(names), env=clean, text=True, capture_output=True,
                          check=False, timeout=60, **more)
    return done.stdout.splitlines(), done.stderr.splitlines(), done.returncode


def expect(found, wanted):
    return [] if found == wanted else ["found %r, not %r" % (found, wanted)]


def options(report, programs):
    plain = programs.compile()
    own = programs.compile('-DCONF="dirty_decay_ms:111,narenas:3"')

    def decay(program, names=(DECAY,), **env):
        out, err, status = run(program, *names, env=env)
        return [int(n) for n in out] if status == 0 else ["exit %d" % status], err

    report.sentence("MALLOC_CONF is read",
                    expect(decay(plain, MALLOC_CONF="dirty_decay_ms:222"), ([222], [])))
    report.sentence("the program's malloc_conf is read",
                    expect(decay(own, (DECAY, "opt.narenas")), ([111, 3], [])))
    report.sentence("MALLOC_CONF wins over malloc_conf, key by key",
                    expect(decay(own, (DECAY, "opt.narenas"), MALLOC_CONF="dirty_decay_ms:222"),
                           ([222, 3], [])))
    report.sentence("TRIMALLOC_CONF wins over both",
                    expect(decay(own, (DECAY, "opt.narenas"), MALLOC_CONF="dirty_decay_ms:222",
                                 TRIMALLOC_CONF="decay_ms:333"), ([333, 3], [])))
    report.sentence("keys without a meaning get one line, which names them",
                    expect(decay(plain, MALLOC_CONF="prof:true,hpa:true,dirty_decay_ms:5"),
                           ([5], ["trimalloc: MALLOC_CONF: accepted without effect: prof, hpa"])))
    report.sentence("an unknown key gets one line and changes nothing else",
                    expect(decay(plain, MALLOC_CONF="what:1,dirty_decay_ms:6"),
                           ([6], ["trimalloc: MALLOC_CONF: no option is named 'what'; "
                                  "it is left out"])))
    secure(report, plain)


def secure(report, program):
    """A program of another user, which the kernel starts in secure mode."""
    sentence = "a set-user-ID program does not read MALLOC_CONF"
    if os.geteuid() != 0 or os.statvfs(program).f_flag & os.ST_NOSUID:
        report.skip(sentence, "no set-user-ID program can be made here")
        return
    path = program + ".secure"
    shutil.copy(program, path)
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o755 | stat.S_ISUID)
    out, err, _ = run(path, DECAY, env={"MALLOC_CONF": "dirty_decay_ms:222,what:1"})
    report.sentence(sentence, expect((out, err), (["1000"], [])))


def printed(report, programs):
    program = programs.compile()

    def printed_json(letters):
        out, _, _ = run(program, "print:J" + letters)
        return json.loads("\n".join(out))["jemalloc"]

    whole = printed_json("")
    report.sentence("the report is JSON with the keys of jemalloc's",
                    expect(sorted(whole), ["arenas", "config", "opt", "stats", "stats.arenas",
                                           "version"]))
    merged = whole["stats.arenas"].get("merged", {})
    report.sentence("there is an element for each class",
                    expect((len(whole["arenas"]["bin"]), len(merged.get("bins", [])),
                            len(whole["arenas"]["lextent"]), len(merged.get("lextents", []))),
                           (whole["arenas"]["nbins"],) * 2 + (whole["arenas"]["nlextents"],) * 2))
    small = sum(b["curregs"] * c["size"]
                for b, c in zip(merged["bins"], whole["arenas"]["bin"]))
    large = merged["large"]["allocated"]
    report.sentence("bins add up to what is allocated and cached",
                    expect(0 <= small + large - whole["stats"]["allocated"]
                           <= merged["tcache_bytes"], True))
    report.sentence("values have the types of jemalloc's",
                    expect([type(whole["opt"][k]).__name__ for k in
                            ("abort", "narenas", "dirty_decay_ms", "dss", "stats_interval")],
                           ["bool", "int", "int", "str", "int"]))
    report.sentence("letters leave out what jemalloc's leave out",
                    expect([sorted(printed_json("g")), "merged" in printed_json("m")["stats.arenas"],
                            sorted(printed_json("a")["stats.arenas"]),
                            "bins" in printed_json("b")["stats.arenas"]["0"],
                            "lextents" in printed_json("l")["stats.arenas"]["merged"]],
                           [["stats", "stats.arenas"], False, ["merged"], False, False]))


def symbols(path):
    out = subprocess.run(os.environ.get("NM", "nm").split() + ["-D", "--defined-only", path],
                         capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def find_real():
    folders = glob.glob("/usr/lib/*-linux-gnu/libjemalloc.so.2") + ["/usr/lib64/libjemalloc.so.2"]
    return next((path for path in folders if os.path.exists(path)), None)


def names(report, programs):
    missing = [n for n in ("libjemalloc.so", "libjemalloc.so.1", "libjemalloc.so.2")
               if not os.path.exists(os.path.join(programs.names, n))]
    report.sentence("the folder has each of jemalloc's names", missing)
    ours = symbols(os.path.join(programs.names, "libjemalloc.so.2"))
    report.sentence("each function and variable of jemalloc's is there",
                    ["%s is missing" % n for n in FUNCTIONS if n not in ours])
    real = find_real()
    sentence = "a program that is linked with jemalloc finds us in the folder"
    if real is None:
        report.skip(sentence, "there is no jemalloc here")
    else:
        program = programs.compile(libraries=[real])
        report.sentence(sentence, expect(
            [run(program, "trimalloc.options.decay_ms", env=env)[0]
             for env in ({}, {"LD_LIBRARY_PATH": programs.names})], [["none"], ["1000"]]))
    sentence = "what jemalloc exports for programs is exported here as well"
    if real is None:
        report.skip(sentence, "there is no jemalloc here")
        return
    # Its own experiments and tests, and what its C++ needs for itself.
    wanted = {n for n in symbols(real) if not n.startswith(("_ZN", "je_test", "smallocx_", "batch_alloc",
                                                            "malloc_conf_2", "_init", "_fini"))}
    report.sentence(sentence, sorted(wanted - ours))


def main():
    report = tap.Report()
    if shutil.which(os.environ.get("CC", "cc").split()[0]) is None:
        report.skip("programs made for jemalloc run", "there is no compiler here")
        report.end()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        programs = Programs(folder)
        options(report, programs)
        printed(report, programs)
        names(report, programs)
    report.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""secure.py -- programs that run with more rights than whoever starts them.

A program with the set-user-ID or set-group-ID bit is linked with the library by
an absolute path, which the dynamic linker follows for such programs as well,
and is started by another user, who chooses the environment. The same file
without the bit shows that it is not for nothing. Needs root and a C compiler.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules"))
import tap

# Two users that need not exist.
OWNER, CALLER = 64123, 64124
LIMIT_SECONDS = 120

SOURCE = r"""
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int mallctl(const char *, void *, size_t *, void *, size_t);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void *work(void *seed)
{
	char *blocks[500];

	for (size_t i = 0; i < 500; i++) {
		size_t n = 1 + (i * 7919 + (size_t)seed) % (i % 50 == 0 ? 3000000 : 5000);

		must((blocks[i] = malloc(n)) != NULL);
		memset(blocks[i], (int)i, n);
		must((blocks[i] = realloc(blocks[i], 2 * n)) != NULL);
		must(blocks[i][n - 1] == (char)i);
	}
	for (size_t i = 0; i < 500; i++)
		free(blocks[i]);
	return NULL;
}

static void work_in_threads(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void work_in_a_child(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		work_in_threads();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

/* To standard error, which is a file, or to a file of the environment's. */
static bool has_dumped(const char *path)
{
	struct stat s;

	return access(path, F_OK) == 0 || (fstat(2, &s) == 0 && s.st_size > 0);
}

int main(int argc, char **argv)
{
	ssize_t decay = 0;
	bool tcache = false;
	size_t len = sizeof decay;

	must(argc == 3);
	work_in_threads();
	work_in_a_child();
	malloc_trim(0);
	must(mallctl("opt.dirty_decay_ms", &decay, &len, NULL, 0) == 0);
	len = sizeof tcache;
	must(mallctl("opt.tcache", &tcache, &len, NULL, 0) == 0);
	raise(SIGURG);
	for (int i = 0; i < 3000 && !has_dumped(argv[1]); i++)
		usleep(10000);
	printf("secure %lu\nother-rights %d\ndecay %zd\ntcache %d\ndump %d\nsocket %d\n",
	       getauxval(AT_SECURE), getuid() != geteuid() || getgid() != getegid(), decay,
	       tcache, access(argv[1], F_OK) == 0, access(argv[2], F_OK) == 0);
	return 0;
}
"""

OBEYED = {"secure": "0", "other-rights": "0", "decay": "7777", "tcache": "0", "dump": "1",
          "socket": "1"}
# As by default.
IGNORED = {"secure": "1", "other-rights": "1", "decay": "1000", "tcache": "1", "dump": "0",
           "socket": "0"}


def make(folder):
    """The program, with the library beside it: others may not see the build folder."""
    library = os.path.join(folder, "libtrimalloc.so")
    source, program = os.path.join(folder, "program.c"), os.path.join(folder, "program")
    shutil.copy(os.path.realpath(os.environ["TRI_LIB"]), library)
    with open(source, "w", encoding="ascii") as file:
        file.write(SOURCE)
    subprocess.run(shlex.split(os.environ.get("CC", "cc")) + [
        "-O1", "-fno-builtin-malloc", "-pthread", source, library, "-Wl,-rpath," + folder,
        "-o", program], check=True)
    return program


def run(program, folder):
    """(status, what it told, what stands in standard error)."""
    dump, control = os.path.join(folder, "dump"), os.path.join(folder, "socket")
    conf = "decay_ms:7777,dump_path:%s,control:%s,stats_at_exit:true" % (dump, control)
    env = {"PATH": os.environ.get("PATH", ""), "TRIMALLOC_CONF": conf,
           "MALLOC_CONF": "tcache:false"}
    with tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run([program, dump, control], user=CALLER, group=CALLER, extra_groups=[],
                              env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors, text=True, timeout=LIMIT_SECONDS, check=False)
        errors.seek(0)
        return done.returncode, dict(line.split() for line in done.stdout.splitlines()), errors.read()


def why_not_secure(folder):
    """Why the kernel does not heed the bit here, or None."""
    if os.statvfs(folder).f_flag & os.ST_NOSUID:
        return "the folder for temporary files is mounted nosuid"
    with open("/proc/self/status", encoding="ascii") as file:
        if "NoNewPrivs:\t1\n" in file.read():
            return "no_new_privs is set"
    return None


def complaints(result, expected, nreports):
    status, told, errors = result
    if status != 0:
        yield "status %d: %s" % (status, errors[-300:])
        return
    for word, value in expected.items():
        if told.get(word) != value:
            yield "%s is %s, not %s" % (word, told.get(word), value)
    reports = errors.count(" statistics, process ")
    if reports != nreports:
        yield "%d reports in standard error, not %d: %s" % (reports, nreports, errors[:300])


def a_program(report, program, bit, name):
    folder = os.path.dirname(program)
    sentence = "a %s program takes no options, paths and sockets from its caller, and works" % name
    own = tempfile.mkdtemp(dir=folder)
    os.chmod(own, 0o777)
    os.chown(program, OWNER, OWNER)
    os.chmod(program, 0o755 | bit)
    result = run(program, own)
    if result[0] == 0 and result[1].get("secure") == "0" and why_not_secure(folder):
        report.skip(sentence, why_not_secure(folder))
        return
    # One report: the signal's, where it goes by default. The one at exit was not asked for.
    found = list(complaints(result, IGNORED, 1))
    report.sentence(sentence, found + ["%s was made" % name for name in os.listdir(own)])


def main():
    report = tap.Report()
    if os.geteuid() != 0:
        report.skip("programs with more rights than their callers", "root is needed")
        report.end()
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        os.chmod(folder, 0o755)
        parent = os.path.dirname(folder)
        while parent != "/" and os.stat(parent).st_mode & 1:
            parent = os.path.dirname(parent)
        if parent != "/":
            report.skip("programs with more rights than their callers",
                        "others may not enter %s" % parent)
            report.end()
        program = make(folder)
        own = os.path.join(folder, "own")
        os.mkdir(own)
        os.chmod(own, 0o777)
        report.sentence("a program of its caller's own rights takes all of them",
                        complaints(run(program, own), OBEYED, 1))
        a_program(report, program, 0o4000, "set-user-ID")
        a_program(report, program, 0o2000, "set-group-ID")
    report.end()


main()

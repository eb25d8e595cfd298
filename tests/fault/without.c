/*
 * without.c -- runs a program in surroundings that lack something.
 *
 *	without WHAT... -- PROGRAM ARGUMENT...
 *
 *	proc		/proc is an empty folder
 *	sys		/sys is one
 *	root		/ holds nothing but the system's libraries, programs and
 *			the folders that --keep named
 *	keep=FOLDER	see root
 *	clock=SECONDS	the monotonic clock is so much further
 *	CALL=ERROR	a system call fails with this errno value
 *	CALL:N=ERROR	it does where its third argument is N (madvise's advice)
 *
 * Ends with 77 and a sentence where this machine has no such surroundings to
 * offer. Root, or user namespaces, are needed for the first five.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define NRULES_MAX  32
#define NKEEPS_MAX  8
#define EXIT_CANNOT 77

static _Noreturn void
cannot(const char *what)
{
	printf("%s is not to be had here: %s\n", what, strerror(errno));
	exit(EXIT_CANNOT);
}

/* --- calls ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	int number;
} calls[] = {
#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}
	CALL(accept4),
	CALL(bind),
	CALL(clock_nanosleep),
	CALL(clone),
	CALL(clone3),
	CALL(close_range),
	CALL(dup3),
	CALL(eventfd2),
	CALL(fcntl),
	CALL(futex),
	CALL(getrandom),
	CALL(getrusage),
	CALL(madvise),
	CALL(membarrier),
	CALL(mincore),
	CALL(mremap),
	CALL(pipe2),
	CALL(ppoll),
	CALL(prlimit64),
	CALL(sched_getaffinity),
	CALL(sched_yield),
	CALL(set_robust_list),
	CALL(socket),
	{ "memfd_create", SYS_memfd_create },
	{ "pidfd_getfd", 438 },
	{ "pidfd_open", 434 },
	{ "process_madvise", 440 },
	{ "rseq", 334 },
#undef CALL
};

static struct rule {
	int number, argument, error; /* argument -1: any */
} rules[NRULES_MAX];
static unsigned nrules;

/* CALL=ERROR or CALL:N=ERROR. */
static int
parse_rule(const char *text)
{
	char name[64];
	int argument = -1, error;
	struct rule *r = &rules[nrules];

	if (sscanf(text, "%63[a-z0-9_]:%d=%d", name, &argument, &error) != 3) {
		argument = -1;
		if (sscanf(text, "%63[a-z0-9_]=%d", name, &error) != 2)
			return 0;
	}
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		*r = (struct rule){ calls[i].number, argument, error };
		nrules++;
		return nrules < NRULES_MAX;
	}
	return 0;
}

static void
refuse_calls(void)
{
	struct sock_filter code[NRULES_MAX * 5 + 2];
	struct sock_fprog program = { 0, code };
	unsigned n = 0;

	for (unsigned i = 0; i < nrules; i++) {
		const struct rule *r = &rules[i];
		unsigned char skip = r->argument < 0 ? 1 : 3;

		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr));
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)r->number, 0,
			skip);
		if (r->argument >= 0) {
			code[n++] = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS,
				offsetof(struct seccomp_data, args[2]));
			code[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K,
				(unsigned)r->argument, 0, 1);
		}
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K,
			SECCOMP_RET_ERRNO | (unsigned)r->error);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		cannot("a filter of system calls");
}

/* --- files --------------------------------------------------------------------------- */

static const char *keeps[NKEEPS_MAX] = { "/lib", "/lib64", "/usr", "/bin" };
static unsigned nkeeps = 4;

static void
own_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		cannot("a mount namespace");
}

static void
empty_folder(const char *folder)
{
	if (mount("none", folder, "tmpfs", 0, NULL) != 0)
		cannot("an empty folder");
}

static void
make_folders(char *path)
{
	for (char *p = strchr(path + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
}

/* The folder that is to be / is an empty one, over which nothing is mounted. */
static void
change_root(void)
{
	char root[] = "/mnt", path[4096];

	empty_folder(root);
	for (unsigned i = 0; i < nkeeps; i++) {
		if (access(keeps[i], F_OK) != 0)
			continue;
		snprintf(path, sizeof path, "%s%s", root, keeps[i]);
		make_folders(path);
		if (mount(keeps[i], path, NULL, MS_BIND | MS_REC, NULL) != 0)
			cannot("a root folder of its own");
	}
	snprintf(path, sizeof path, "%s/tmp", root);
	mkdir(path, 01777);
	if (chroot(root) != 0 || chdir("/") != 0)
		cannot("chroot");
}

/* --- the clock ------------------------------------------------------------------------- */

static void
set_clock(const char *seconds)
{
	char line[64];
	int fd, n;

	if (unshare(CLONE_NEWTIME) != 0)
		cannot("a time namespace");
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	n = snprintf(line, sizeof line, "monotonic %s 0\n", seconds);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		cannot("another clock");
	close(fd);
}

/* A time namespace is for children. */
static int
run_child(char **argv)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- all of them ------------------------------------------------------------------------- */

struct wishes {
	int no_proc, no_sys, own_root;
	const char *clock;
};

static int
parse(const char *text, struct wishes *w)
{
	if (strcmp(text, "proc") == 0)
		return w->no_proc = 1;
	if (strcmp(text, "sys") == 0)
		return w->no_sys = 1;
	if (strcmp(text, "root") == 0)
		return w->own_root = 1;
	if (strncmp(text, "keep=", 5) == 0 && nkeeps < NKEEPS_MAX) {
		keeps[nkeeps++] = text + 5;
		return 1;
	}
	if (strncmp(text, "clock=", 6) == 0) {
		w->clock = text + 6;
		return 1;
	}
	return parse_rule(text);
}

int
main(int argc, char **argv)
{
	struct wishes w = { 0, 0, 0, NULL };
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!parse(argv[i], &w)) {
			fprintf(stderr, "without: what is %s?\n", argv[i]);
			return 2;
		}
	}
	if (i + 1 >= argc)
		return 2;
	if (w.clock != NULL)
		set_clock(w.clock);
	if (w.no_proc || w.no_sys || w.own_root)
		own_mounts();
	if (w.own_root)
		change_root();
	if (w.no_proc)
		empty_folder("/proc");
	if (w.no_sys)
		empty_folder("/sys");
	if (nrules > 0)
		refuse_calls();
	return run_child(argv + i + 1);
}

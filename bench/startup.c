/*
 * startup.c -- what does the allocator add to a process that does nothing?
 *
 * An iteration starts /bin/true, with this process's environment and hence
 * with its preload, and waits for its end. The peak memory of one such process
 * is reported as child_peak_bytes: it is stopped at its exit, and its VmHWM is
 * read. (A child's ru_maxrss would begin with what its parent had.)
 */
#include "bench.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *const true_argv[] = { (char *)"true", NULL };

static void *
startup_setup(const struct bench *b)
{
	return (void *)(uintptr_t)b;
}

static void
startup_run(void *state, uint64_t iterations)
{
	(void)state;
	while (iterations--) {
		pid_t pid;

		if (posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv,
				environ))
			bench_die("/bin/true could not be started");
		if (waitpid(pid, NULL, 0) != pid)
			bench_die("/bin/true was lost");
	}
}

static double
peak_bytes(pid_t pid)
{
	char name[64], line[256];
	double kib = 0;
	FILE *status;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	status = fopen(name, "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = atof(line + 6);
	if (status)
		fclose(status);
	return kib * KIB;
}

/* Lets the traced child run up to its exit; 0 when it does not get there. */
static double
peak_at_exit(pid_t pid)
{
	const int at_exit = SIGTRAP | (PTRACE_EVENT_EXIT << 8);
	double peak = 0;
	int status;

	/* The first stop is the exec. */
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 0;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACEEXIT);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (status >> 8 == at_exit)
			peak = peak_bytes(pid);
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	return peak;
}

static void
startup_report(void *state, bench_count_fn *count, void *out)
{
	pid_t pid = fork();

	(void)state;
	if (pid < 0)
		bench_die("/bin/true could not be started");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execve("/bin/true", true_argv, environ);
		_exit(1);
	}
	count(out, "child_peak_bytes", peak_at_exit(pid));
}

static void
startup_teardown(void *state)
{
	(void)state;
}

static const struct bench startups[] = {
	{ .name = "startup/true",
	  .clock = BENCH_WALL,
	  .group = BENCH_STARTUP,
	  .iterations = 100,
	  .setup = startup_setup,
	  .run = startup_run,
	  .report = startup_report,
	  .teardown = startup_teardown },
};

BENCH_REGISTER(startups);

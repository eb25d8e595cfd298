/*
 * spawn.c -- see spawn.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spawn.h"

#define EXIT_NO_EXEC 127
#define WORDS_MAX    64

/* --- paths --------------------------------------------------------------- */

const char *
build_path(const char *relative)
{
	static char path[PATH_MAX];
	const char *top = getenv("top_builddir");
	ssize_t n;

	if (top != NULL) {
		snprintf(path, sizeof path, "%s/%s", top, relative);
		return path;
	}
	/* Started by hand: this program is <top>/tests/<room>/<name>. */
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n < 0 ? 0 : n] = '\0';
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(path, '/');

		if (slash != NULL)
			*slash = '\0';
	}
	strncat(path, "/", sizeof path - strlen(path) - 1);
	strncat(path, relative, sizeof path - strlen(path) - 1);
	return path;
}

static const char *
path_from(const char *variable, const char *relative, char *storage)
{
	const char *path = getenv(variable);

	snprintf(storage, PATH_MAX, "%s",
		 path != NULL ? path : build_path(relative));
	return storage;
}

const char *
library_path(void)
{
	static char path[PATH_MAX];

	return path_from("TRI_LIB", ".libs/libtrimalloc.so", path);
}

const char *
jni_library_path(void)
{
	static char path[PATH_MAX];

	return path_from("TRI_JNI_LIB", ".libs/libtrimalloc_jni.so", path);
}

/* --- the child ----------------------------------------------------------- */

static void
set_or_unset(const char *variable, const char *value)
{
	if (value != NULL)
		setenv(variable, value, 1);
	else
		unsetenv(variable);
}

/* Limits of 0 leave it to whoever started us. */
static void
limit(const struct spawn *s)
{
	struct rlimit space = { s->address_space, s->address_space };
	struct rlimit data = { s->data, s->data };

	if ((space.rlim_max > 0 && setrlimit(RLIMIT_AS, &space) != 0) ||
	    (data.rlim_max > 0 && setrlimit(RLIMIT_DATA, &data) != 0))
		_exit(EXIT_NO_EXEC);
}

/* Moves this process there. */
static void
enter_group(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(EXIT_NO_EXEC);
	close(fd);
}

/*
 * Programs for another processor are started by an emulator: the words of
 * TRI_EMULATOR come first then.
 */
static void
start(const char *const *argv)
{
	const char *words[WORDS_MAX], *emulator = getenv("TRI_EMULATOR");
	char *copy = emulator == NULL ? NULL : strdup(emulator);
	size_t n = 0;

	for (char *w = copy == NULL ? NULL : strtok(copy, " ");
	     w != NULL && n < WORDS_MAX / 2; w = strtok(NULL, " "))
		words[n++] = w;
	while (n < WORDS_MAX - 1 && *argv != NULL)
		words[n++] = *argv++;
	words[n] = NULL;
	if (n == 0)
		_exit(EXIT_NO_EXEC);
	execv(words[0], (char *const *)(uintptr_t)words);
	dprintf(STDERR_FILENO, "%s cannot be started: %s\n", words[0],
		strerror(errno));
	_exit(EXIT_NO_EXEC);
}

static void
become(const struct spawn *s, int out, int err)
{
	struct rlimit no_core = { 0, 0 };

	/* A group of its own, so that its children can be killed with it; and
	 * no life beyond ours, whatever kills us. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	set_or_unset("LD_PRELOAD", s->preload);
	set_or_unset("TRIMALLOC_CONF", s->conf);
	setrlimit(RLIMIT_CORE, &no_core);
	if (s->group != NULL)
		enter_group(s->group);
	limit(s);
	start(s->argv);
}

/* --- the parent ---------------------------------------------------------- */

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads once; false at the end of the stream. */
static bool
take_text(int fd, char *text, size_t *bytes)
{
	char dropped[4096];
	bool full = *bytes == SPAWN_TEXT_BYTES;
	ssize_t n = read(fd, full ? dropped : text + *bytes,
			 full ? sizeof dropped : SPAWN_TEXT_BYTES - *bytes);

	if (n < 0)
		return errno == EINTR;
	if (!full)
		*bytes += (size_t)n;
	text[*bytes] = '\0';
	return n > 0;
}

/* Reads both streams to their ends; false where that took too long. */
static bool
listen_until(int out, int err, long deadline_ms, struct outcome *o)
{
	struct pollfd fds[] = { { .fd = out, .events = POLLIN },
				{ .fd = err, .events = POLLIN } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		long left_ms = deadline_ms - now_ms();

		if (left_ms <= 0)
			return false;
		if (poll(fds, 2, (int)left_ms) <= 0)
			continue;
		if (fds[0].revents != 0 &&
		    !take_text(out, o->out, &o->out_bytes))
			fds[0].fd = -1;
		if (fds[1].revents != 0 &&
		    !take_text(err, o->err, &o->err_bytes))
			fds[1].fd = -1;
	}
	return true;
}

/* It may have closed its streams and live on. */
static bool
wait_until(pid_t pid, long deadline_ms, int *status)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		pid_t ended = waitpid(pid, status, WNOHANG);

		if (ended == pid)
			return true;
		if (now_ms() >= deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void
collect(pid_t pid, int out, int err, unsigned timeout_s, struct outcome *o)
{
	long deadline_ms = now_ms() + (long)timeout_s * 1000;

	if (listen_until(out, err, deadline_ms, o) &&
	    wait_until(pid, deadline_ms, &o->status))
		return;
	o->timed_out = true;
	kill(-pid, SIGKILL);
	while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		;
}

bool
spawn_run(const struct spawn *s, struct outcome *o)
{
	int out[2], err[2];
	pid_t pid;

	memset(o, 0, sizeof *o);
	if (pipe(out) != 0 || pipe(err) != 0) {
		snprintf(o->err, sizeof o->err, "no pipe: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid == 0) {
		close(out[0]);
		close(err[0]);
		become(s, out[1], err[1]);
	}
	close(out[1]);
	close(err[1]);
	if (pid > 0)
		collect(pid, out[0], err[0], s->timeout_s, o);
	close(out[0]);
	close(err[0]);
	return pid > 0 && !(WIFEXITED(o->status) &&
			    WEXITSTATUS(o->status) == EXIT_NO_EXEC);
}

const char *
outcome_describe(const struct outcome *o)
{
	static char text[64];

	if (o->timed_out)
		snprintf(text, sizeof text, "timeout");
	else if (WIFSIGNALED(o->status))
		snprintf(text, sizeof text, "signal %d (%s)",
			 WTERMSIG(o->status), strsignal(WTERMSIG(o->status)));
	else
		snprintf(text, sizeof text, "exit %d", WEXITSTATUS(o->status));
	return text;
}

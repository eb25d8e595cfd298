/*
 * target.c -- see target.h.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target.h"
#include "tool.h"

/* Notes a problem. `next` is of malloc, or NULL. */
static void PRINTS(4, 5)
	problem(struct target *t, int code, char *next, const char *format, ...)
{
	va_list args;

	free(t->sentence);
	free(t->next);
	va_start(args, format);
	if (vasprintf(&t->sentence, format, args) < 0)
		t->sentence = must(NULL);
	va_end(args);
	t->problem = code;
	t->next = next;
}

static bool
ends_within(const struct target *t, int ms)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };
	struct proc now;

	if (t->pidfd >= 0)
		return poll(&p, 1, ms) == 1;
	return proc_read(t->proc.pid, &now) != 0 ||
	       now.started != t->proc.started;
}

static bool
has_ended(const struct target *t)
{
	return ends_within(t, 0);
}

static char *
advise_list(void)
{
	return format_string("trimalloc top --once lists the processes that "
			     "have trimalloc");
}

static void
problem_no_process(struct target *t, int pid)
{
	int outside = proc_find_inner(pid);
	char *next;

	if (outside == 0)
		next = advise_list();
	else
		next = format_string(
			"process %d has this number in a pid namespace of its "
			"own (a container): trimalloc %s %d",
			outside, command->name, outside);
	problem(t, NO_PROCESS, next, "there is no process %d here", pid);
}

static void
problem_ended(struct target *t)
{
	problem(t, NO_PROCESS, advise_list(), "process %d (%s) has ended",
		t->proc.pid, t->proc.comm);
}

/* /proc/PID may not be read. */
static void
problem_access(struct target *t)
{
	char owner[64];
	const struct proc *p = &t->proc;

	user_name(p->uid, owner, sizeof owner);
	if (p->uid != geteuid() && geteuid() != 0)
		problem(t, NO_ACCESS,
			format_string("run this as %s or as root: sudo "
				      "trimalloc %s %d",
				      owner, command->name, p->pid),
			"process %d (%s) belongs to %s", p->pid, p->comm,
			owner);
	else
		problem(t, NO_ACCESS,
			format_string("it is in another user namespace (a "
				      "container) or protects itself: run this "
				      "in there, or as the host's root"),
			"process %d (%s) lets nobody look into it", p->pid,
			p->comm);
}

/* It was to have the library and does not: the loader did not take it. */
static void
problem_no_library(struct target *t)
{
	const struct proc *p = &t->proc;
	char *preload = proc_environment(p->pid, "LD_PRELOAD");
	char *next;

	if (preload != NULL && strstr(preload, "libtrimalloc") != NULL)
		next = format_string(
			"LD_PRELOAD names it, but the loader did not take it: "
			"a 32-bit, static, set-user-ID or musl program, or no "
			"such file in its root");
	else
		next = format_string("start it with: trimalloc run [-o "
				     "KEY:VALUE] -- COMMAND");
	problem(t, NO_LIBRARY, next, "process %d (%s) has no trimalloc in it",
		p->pid, p->comm);
	free(preload);
}

char *
target_option(const struct target *t, const char *key)
{
	char *conf = proc_environment(t->proc.pid, "TRIMALLOC_CONF");
	char *value = conf == NULL ? NULL : conf_value(conf, key);

	free(conf);
	return value;
}

void
target_find(struct target *t, int pid)
{
	int has;

	memset(t, 0, sizeof *t);
	/* First of all: from here on, a number that is taken anew is noticed. */
	t->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (proc_read(pid, &t->proc) != 0) {
		problem_no_process(t, pid);
		return;
	}
	if (t->proc.tgid != pid) {
		problem(t, NO_PROCESS,
			format_string("try: trimalloc %s %d", command->name,
				      t->proc.tgid),
			"%d is a thread of process %d (%s)", pid, t->proc.tgid,
			t->proc.comm);
		return;
	}
	if (t->proc.state == 'Z' || t->proc.state == 'X') {
		problem_ended(t);
		return;
	}
	has = proc_has_library(pid);
	if (has < 0 && (errno == EACCES || errno == EPERM))
		problem_access(t);
	else if (has < 0 || has_ended(t))
		problem_ended(t);
	else if (has == 0)
		problem_no_library(t);
}

/* The inode number in a link "socket:[N]"; 0: it is something else. */
static unsigned long
socket_inode(int pid, const char *tid, const char *fd)
{
	char link[600], target[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/%d/task/%s/fd/%s", pid, tid, fd);
	n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	return strncmp(target, "socket:[", 8) == 0
		       ? strtoul(target + 8, NULL, 10)
		       : 0;
}

/* The path that a socket is bound to, by /proc/PID/net/unix; NULL: none. */
static char *
bound_path(const char *sockets, unsigned long inode)
{
	for (const char *line = sockets; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		unsigned long number;
		int at = 0;

		if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %lu %n", &number,
			   &at) == 1 &&
		    number == inode && at > 0 && (size_t)at < len)
			return must(strndup(line + at, len - (size_t)at));
		line += len + (line[len] == '\n');
	}
	return NULL;
}

/* The path of what a thread of a table of descriptors of its own listens on. */
static char *
path_of_thread(int pid, const char *tid, const char *sockets)
{
	char name[320], *path = NULL;
	const struct dirent *entry;
	DIR *dir;

	snprintf(name, sizeof name, "/proc/%d/task/%s/fd", pid, tid);
	dir = opendir(name);
	while (dir != NULL && path == NULL && (entry = readdir(dir)) != NULL) {
		unsigned long inode = socket_inode(pid, tid, entry->d_name);

		if (inode != 0)
			path = bound_path(sockets, inode);
	}
	if (dir != NULL)
		closedir(dir);
	return path;
}

/*
 * What the thread that serves the socket has open tells the path where the
 * variables do not: a program may have written its title over them.
 */
static char *
path_by_threads(int pid)
{
	char name[64], *path = NULL, *sockets;
	const struct dirent *entry;
	size_t len;
	DIR *dir;

	snprintf(name, sizeof name, "/proc/%d/task", pid);
	dir = opendir(name);
	sockets = proc_file(pid, "net/unix", &len);
	while (dir != NULL && sockets != NULL && path == NULL &&
	       (entry = readdir(dir)) != NULL) {
		char file[300], *comm;

		snprintf(file, sizeof file, "task/%s/comm", entry->d_name);
		comm = proc_file(pid, file, &len);
		if (comm != NULL && strcmp(comm, "trimalloc-ctl\n") == 0)
			path = path_of_thread(pid, entry->d_name, sockets);
		free(comm);
	}
	free(sockets);
	if (dir != NULL)
		closedir(dir);
	return path;
}

static char *
find_path(const struct target *t)
{
	char *pattern = target_option(t, "control"), *path;

	if (pattern == NULL || pattern[0] == '\0') {
		free(pattern);
		return path_by_threads(t->proc.pid);
	}
	path = conf_expand(pattern, t->proc.inner_pid);
	free(pattern);
	return path;
}

static void
problem_no_socket(struct target *t)
{
	const struct proc *p = &t->proc;

	problem(t, NO_SOCKET,
		format_string("start it with: trimalloc run --control -- "
			      "COMMAND, or TRIMALLOC_CONF=control:PATH; or "
			      "have it write its report: trimalloc dump %d",
			      p->pid),
		"process %d (%s) has trimalloc, but no control socket", p->pid,
		p->comm);
}

/* Why link_open failed. `peer` is for EXDEV. */
static void
problem_connect(struct target *t, int error, int peer)
{
	const struct proc *p = &t->proc;

	if (has_ended(t))
		problem_ended(t);
	else if (error == ENOENT || error == ENOTDIR)
		problem(t, NO_SOCKET,
			format_string("it appears when the program has started "
				      "its first thread; a line of trimalloc's "
				      "on the program's stderr says when it "
				      "cannot be made"),
			"process %d (%s) has no socket at %s", p->pid, p->comm,
			t->path);
	else if (error == ECONNREFUSED)
		problem(t, NO_SOCKET,
			format_string("the file is stale: it may be removed; a "
				      "path with %%p is new for each process"),
			"nobody listens on %s any more", t->path);
	else if (error == EXDEV)
		problem(t, NO_SOCKET,
			format_string("%d is a child of it, or shares its "
				      "option: a path with %%p gives each "
				      "process its own",
				      p->pid),
			"the socket %s is not of process %d but of %d", t->path,
			p->pid, peer);
	else if (error == EACCES || error == EPERM)
		problem_access(t);
	else if (error == EAGAIN)
		problem(t, NO_ANSWER,
			format_string("is it stopped? Its state is '%c'",
				      p->state),
			"process %d (%s) takes no connections: its queue is "
			"full",
			p->pid, p->comm);
	else
		problem(t, NO_SOCKET,
			format_string("its option control names this path: "
				      "another one may be better"),
			"%s of process %d: %s", t->path, p->pid,
			error == ENOTSOCK ? "this is not a socket"
					  : strerror(error));
}

void
target_look(struct target *t, int pid)
{
	int peer = 0;

	target_find(t, pid);
	if (t->problem != DONE)
		return;
	t->path = find_path(t);
	if (t->path == NULL)
		problem_no_socket(t);
	else if (link_open(&t->link, pid, t->path, &peer) != 0)
		problem_connect(t, errno, peer);
	if (t->path != NULL)
		make_printable(t->path, strlen(t->path));
}

int
target_say(const struct target *t)
{
	if (t->problem != DONE)
		say_error(t->next, "%s", t->sentence);
	return t->problem;
}

int
target_open(struct target *t, int pid)
{
	target_look(t, pid);
	return target_say(t);
}

void
target_broken(struct target *t, double seconds, int end_ms)
{
	const struct proc *p = &t->proc;

	if (ends_within(t, end_ms)) {
		problem(t, NO_PROCESS, advise_list(),
			"process %d (%s) ended before it answered", p->pid,
			p->comm);
	} else if (t->link.error == ETIMEDOUT) {
		problem(t, NO_ANSWER,
			format_string("is it stopped, or very busy? --timeout "
				      "waits longer"),
			"process %d (%s) did not answer within %g s", p->pid,
			p->comm, seconds);
	} else if (t->link.error == EPROTO) {
		problem(t, FAILED,
			format_string("trimalloc version prints this command's "
				      "version: are they of one age?"),
			"what process %d (%s) answers is not understood",
			p->pid, p->comm);
	} else {
		problem(t, FAILED, format_string("try again"),
			"process %d (%s) closed the connection: %s", p->pid,
			p->comm, strerror(t->link.error));
	}
}

/* What to do about an "error WORD ...". */
static const char *
advice(const char *word)
{
	static const char *const table[][2] = {
		{ "noent", "trimalloc ctl PID --list prints the names" },
		{ "perm", "only what concerns the whole process can be reached "
			  "from outside, and not all of that be written" },
		{ "inval", "trimalloc ctl PID --list prints the types" },
		{ "io", "the report goes to its option dump_path, or its "
			"stderr: can that be written?" },
		{ "busy", "others are connected: try again" },
		{ "nomem", "the process is short of memory: try again" },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(table[i][0], word) == 0)
			return table[i][1];
	}
	return NULL;
}

int
target_ask(struct target *t, const char *request, double seconds)
{
	int64_t deadline = now_ms() + (int64_t)(seconds * 1000);

	if (!link_call(&t->link, request, deadline)) {
		target_broken(t, seconds,
			      t->link.error == ECONNRESET ? TARGET_END_MS : 0);
		return target_say(t);
	}
	if (t->link.word[0] != '\0') {
		say_error(advice(t->link.word), "process %d (%s): %s (%s)",
			  t->proc.pid, t->proc.comm, t->link.sentence,
			  t->link.word);
		return FAILED;
	}
	return DONE;
}

void
target_close(struct target *t)
{
	if (t->link.state != LINK_CLOSED)
		link_close(&t->link);
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(t->path);
	free(t->sentence);
	free(t->next);
	memset(t, 0, sizeof *t);
	t->pidfd = -1;
}

int
target_print(int pid, const char *request, double seconds)
{
	struct target t;
	int code = target_open(&t, pid);

	if (code == DONE)
		code = target_ask(&t, request, seconds);
	if (code == DONE)
		link_print(&t.link);
	target_close(&t);
	return flush_output(code);
}

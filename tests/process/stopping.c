/*
 * stopping.c -- see stopping.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "memory.h"
#include "stopping.h"

/* Shared by the two processes. */
static struct shared {
	atomic_bool may_begin, is_enough, is_over, is_held, may_not_trace;
} * shared;

static pid_t stopper;

static void
sleep_ns(size_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	nanosleep(&t, NULL);
}

/* --- the stopper's side -------------------------------------------------------- */

static bool
read_task(pid_t pid, const char *tid, const char *leaf, char *text, size_t cap)
{
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)pid, tid, leaf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, cap - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return n > 0;
}

/* The thread of that process that has the library's name; 0 where none has. */
static pid_t
find_trim_thread(pid_t pid)
{
	char path[64], name[64];
	struct dirent *e;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && found == 0 && (e = readdir(dir)) != NULL) {
		if (read_task(pid, e->d_name, "comm", name, sizeof name) &&
		    strcmp(name, "trimalloc\n") == 0)
			found = (pid_t)atoi(e->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* False where it could not be; *tid is 0 where there is none. */
static bool
hold_trim_thread(pid_t pid, pid_t *tid)
{
	*tid = find_trim_thread(pid);
	if (*tid == 0)
		return false;
	if (ptrace(PTRACE_SEIZE, *tid, NULL, NULL) != 0) {
		if (errno == EPERM)
			atomic_store(&shared->may_not_trace, true);
		return false;
	}
	return ptrace(PTRACE_INTERRUPT, *tid, NULL, NULL) == 0 &&
	       waitpid(*tid, NULL, __WALL) == *tid;
}

static bool
stop_trim_thread(pid_t pid, size_t ns)
{
	pid_t tid;
	bool held = hold_trim_thread(pid, &tid);

	if (held)
		sleep_ns(ns);
	if (tid != 0)
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return held;
}

static bool
stop_all(pid_t pid, size_t ns)
{
	kill(pid, SIGSTOP);
	sleep_ns(ns);
	kill(pid, SIGCONT);
	return true;
}

static bool
is_wanted(pid_t parent)
{
	return !atomic_load(&shared->is_enough) &&
	       !atomic_load(&shared->may_not_trace) && getppid() == parent;
}

static void
stop_again_and_again(pid_t parent, enum stopping what, size_t n)
{
	struct random r = { (uint64_t)getpid() };

	while (n > 0 && is_wanted(parent)) {
		size_t ns = random_below(&r, 3000000);
		bool both = what == STOP_EITHER && random_below(&r, 3) == 0;

		if (what == STOP_ALL || both)
			n -= stop_all(parent, ns);
		else
			n -= stop_trim_thread(parent, ns);
		sleep_ns(random_below(&r, 8000000));
	}
	atomic_store(&shared->is_over, true);
	_exit(0);
}

/*
 * It waits for a word, for a limited time: not for a lock, which it would do
 * without a limit, and while holding another maybe.
 */
static bool
is_asleep(pid_t pid, pid_t tid)
{
	char number[16], text[256];
	unsigned long timeout;
	long call;

	snprintf(number, sizeof number, "%d", (int)tid);
	return read_task(pid, number, "syscall", text, sizeof text) &&
	       sscanf(text, "%ld %*s %*s %*s %lx", &call, &timeout) == 2 &&
	       call == SYS_futex && timeout != 0;
}

static void
hold_until_enough(pid_t parent)
{
	pid_t tid = 0;

	while (is_wanted(parent)) {
		if (hold_trim_thread(parent, &tid) && is_asleep(parent, tid))
			break;
		if (tid != 0)
			ptrace(PTRACE_DETACH, tid, NULL, NULL);
		sleep_ns(1000000);
	}
	atomic_store(&shared->is_held, true);
	while (is_wanted(parent))
		sleep_ns(1000000);
	_exit(0);
}

/* --- the stopped process's side ----------------------------------------------------- */

/* In the child: 0. */
static pid_t
begin(void)
{
	pid_t parent = getpid();

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(shared != MAP_FAILED);
	stopper = fork();
	expect(stopper >= 0);
	if (stopper == 0) {
		while (!atomic_load(&shared->may_begin) && getppid() == parent)
			sleep_ns(1000000);
		return 0;
	}
	/* Where only descendants may be traced. */
	prctl(PR_SET_PTRACER, (unsigned long)stopper, 0, 0, 0);
	atomic_store(&shared->may_begin, true);
	return stopper;
}

bool
stopping_begin(enum stopping what, size_t n)
{
	pid_t parent = getpid();

	if (begin() == 0)
		stop_again_and_again(parent, what, n);
	return true;
}

bool
stopping_is_over(void)
{
	return atomic_load(&shared->is_over);
}

void
stopping_let_go(void)
{
	atomic_store(&shared->is_enough, true);
}

void
stopping_end(void)
{
	stopping_let_go();
	while (waitpid(stopper, NULL, 0) < 0)
		expect(errno == EINTR);
}

bool
stopping_hold_asleep(void)
{
	pid_t parent = getpid();

	if (begin() == 0)
		hold_until_enough(parent);
	while (!atomic_load(&shared->is_held))
		sleep_ns(1000000);
	return !atomic_load(&shared->may_not_trace);
}

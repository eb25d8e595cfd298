/*
 * check.c -- see check.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/*
 * In the calling thread's own table: open, and to be written to. Its place in
 * such a table is taken by what can only be read (os_own_files).
 */
static bool
has_stderr(void)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* What is a file or a pipe can be opened once more. */
static long
open_again(const char *path)
{
	return syscall(SYS_openat, AT_FDCWD, path,
		       O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
}

/* A thread's own stderr, unless it can only be read: see has_stderr(). */
static long
borrow_of(const char *tid)
{
	struct stat st;
	char path[64];
	struct text t;

	text_init(&t, path, sizeof path - 1);
	text_str(&t, "/proc/self/task/");
	text_str(&t, tid);
	text_str(&t, "/fd/2");
	path[t.len] = '\0';
	if (syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) !=
		    0 ||
	    (st.st_mode & S_IWUSR) == 0)
		return -1;
	return open_again(path);
}

/* The first thread, whose table is looked at as the process's, has ended. */
static long
borrow_of_others(void)
{
	long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/task",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long fd = -1, n, at;
	/* As the kernel lays its records out. */
	union {
		struct dirent entry;
		char bytes[1024];
	} buf;

	while (dir >= 0 && fd < 0 &&
	       (n = syscall(SYS_getdents64, dir, &buf, sizeof buf)) > 0) {
		for (at = 0; at < n && fd < 0;) {
			const struct dirent *e = (const void *)(buf.bytes + at);

			fd = borrow_of(e->d_name);
			at += e->d_reclen;
		}
	}
	if (dir >= 0)
		syscall(SYS_close, dir);
	return fd;
}

/*
 * From the process's table, which a process may always read of itself; but
 * sandboxes that know no pidfd_getfd are common.
 */
static long
borrow(void)
{
	long self = syscall(SYS_pidfd_open, getpid(), 0);
	long fd = self < 0 ? -1
			   : syscall(SYS_pidfd_getfd, self, STDERR_FILENO, 0);

	if (self >= 0)
		syscall(SYS_close, self);
	if (fd < 0)
		fd = open_again("/proc/self/fd/2");
	return fd < 0 ? borrow_of_others() : fd;
}

int
stderr_borrow(void)
{
	int before = errno;
	long fd = has_stderr() ? STDERR_FILENO : borrow();

	errno = before;
	return fd < 0 ? STDERR_FILENO : (int)fd;
}

void
stderr_return(int fd)
{
	if (fd != STDERR_FILENO)
		syscall(SYS_close, fd);
}

void
complain(const char *sentence)
{
	char buf[512];
	struct text t;
	int fd = stderr_borrow();

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: ");
	text_str(&t, sentence);
	text_str(&t, "\n");
	text_write(&t, fd);
	stderr_return(fd);
}

/* How long a handler for SIGABRT has where locks are held. */
#define HANDLER_S 10

/* SIGKILL to the process then, whatever its threads block. By the kernel alone. */
static void
end_by_then(void)
{
	struct sigevent kill = { .sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = SIGKILL };
	/* As the kernel lays it out where longs have 64 bits. */
	struct itimerspec then = { .it_value = { HANDLER_S, 0 } };
	int timer;

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &kill, &timer) == 0)
		syscall(SYS_timer_settime, timer, 0, &then, NULL);
}

/*
 * A handler of the program's for SIGABRT may allocate, and so wait for a lock
 * that its own thread holds: for ever, and nobody starts a process again that
 * hangs. One that does not gets to say what it has to, once: checks of locks
 * would end in it again.
 */
static _Noreturn void
abort_locked(void)
{
	static _Atomic long dying;
	long tid = syscall(SYS_gettid);
	struct sigaction action;

	/* Relaxed: is it this thread that wrote it? */
	if (atomic_exchange_explicit(&dying, tid, memory_order_relaxed) == tid)
		signal(SIGABRT, SIG_DFL);
	if (sigaction(SIGABRT, NULL, &action) == 0 &&
	    action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
		end_by_then();
	abort();
}

void
die(const char *sentence)
{
	complain(sentence);
	abort_locked();
}

/*
 * True where one handler catches every signal of a crash and none SIGABRT: a
 * JVM's, which writes its hs_err file for those signals alone, and then aborts
 * by itself. SIGSEGV's may be another one in front of it.
 */
static bool
has_jvm_handler(void)
{
	const int flags = SA_SIGINFO | SA_RESTART;
	struct sigaction abrt, ill, fpe, bus;

	if (sigaction(SIGABRT, NULL, &abrt) != 0 ||
	    sigaction(SIGILL, NULL, &ill) != 0 ||
	    sigaction(SIGFPE, NULL, &fpe) != 0 ||
	    sigaction(SIGBUS, NULL, &bus) != 0)
		return false;
	/* With both flags, which sanitizers' handlers do not have. */
	return abrt.sa_handler == SIG_DFL && (ill.sa_flags & flags) == flags &&
	       ill.sa_sigaction == fpe.sa_sigaction &&
	       ill.sa_sigaction == bus.sa_sigaction;
}

void
die_text_locked(struct text *t)
{
	text_write(t, stderr_borrow());
	abort_locked();
}

void
die_text(struct text *t)
{
	/* One write, so that lines of other threads do not cut ours. */
	text_write(t, stderr_borrow());
	/* To this thread, whose stack is what matters; no lock is held. */
	if (has_jvm_handler())
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGILL);
	abort();
}

/*
 * check.c -- see check.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/*
 * A thread with a table of descriptors of its own (os.h, os_own_files) has no
 * stderr: it borrows the process's, which a process may always do with itself.
 * Not closed, for few sentences are said, most of them last ones.
 */
static int
borrow_stderr(void)
{
	long self = syscall(SYS_pidfd_open, getpid(), 0);
	long fd = self < 0 ? -1
			   : syscall(SYS_pidfd_getfd, self, STDERR_FILENO, 0);

	if (self >= 0)
		syscall(SYS_close, self);
	return fd < 0 ? STDERR_FILENO : (int)fd;
}

static int
stderr_fd(void)
{
	int before = errno, fd = STDERR_FILENO;

	if (fcntl(fd, F_GETFD) < 0)
		fd = borrow_stderr();
	errno = before;
	return fd;
}

void
complain(const char *sentence)
{
	char buf[512];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: ");
	text_str(&t, sentence);
	text_str(&t, "\n");
	text_write(&t, stderr_fd());
}

void
die(const char *sentence)
{
	complain(sentence);
	abort();
}

void
die_text(struct text *t)
{
	/* One write, so that lines of other threads do not cut ours. */
	text_write(t, stderr_fd());
	abort();
}

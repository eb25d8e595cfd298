/*
 * file.c -- see file.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/check.h"
#include "file.h"

#define PATH_BYTES 2048

const char *os_root_prefix;

bool
number_parse(const char *s, uint64_t *n)
{
	uint64_t value = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			value = NUMBER_MAX;
	}
	if (*s != '\0' && *s != '\n' && *s != ' ')
		return false;
	*n = value;
	return true;
}

static int
open_real(const char *path)
{
	long fd;

	do
		fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return (int)fd;
}

static int
open_below_prefix(const char *path)
{
	char buf[PATH_BYTES];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, os_root_prefix);
	text_str(&t, path);
	buf[t.len] = '\0';
	return t.lost ? -1 : open_real(buf);
}

static int
open_file(const char *path)
{
	if (TRI_DEBUG && os_root_prefix != NULL)
		return open_below_prefix(path);
	return open_real(path);
}

/* Bytes read; 0 at the end and where the kernel fails. */
static size_t
read_some(int fd, char *buf, size_t cap)
{
	long n;

	do
		n = syscall(SYS_read, fd, buf, cap);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

bool
file_read(const char *path, char *buf, size_t cap)
{
	int fd = open_file(path);
	size_t len = 0, n;

	if (fd < 0)
		return false;
	while ((n = read_some(fd, buf + len, cap - 1 - len)) > 0)
		len += n;
	syscall(SYS_close, fd);
	buf[len] = '\0';
	return len > 0;
}

bool
lines_open(struct lines *l, const char *path)
{
	l->fd = open_file(path);
	l->is_cut = false;
	l->at = l->end = 0;
	return l->fd >= 0;
}

void
lines_close(struct lines *l)
{
	syscall(SYS_close, l->fd);
}

/* Makes room and reads on; false at the end of the file. */
static bool
refill(struct lines *l)
{
	size_t n;

	memmove(l->buf, l->buf + l->at, l->end - l->at);
	l->end -= l->at;
	l->at = 0;
	/* The last byte stays free for the end of the last line. */
	n = read_some(l->fd, l->buf + l->end, LINE_BYTES - 1 - l->end);
	l->end += n;
	return n > 0;
}

/* Hands out what is there up to `end`, and goes on behind it at `next`. */
static char *
hand_out(struct lines *l, size_t end, size_t next)
{
	char *line = l->buf + l->at;

	l->buf[end] = '\0';
	l->at = next;
	return line;
}

/* One line, or a piece of one: then is_cut is set. NULL: the end. */
static char *
next_piece(struct lines *l)
{
	for (;;) {
		char *from = l->buf + l->at;
		char *feed = memchr(from, '\n', l->end - l->at);

		l->is_cut = false;
		if (feed != NULL)
			return hand_out(l, (size_t)(feed - l->buf),
					(size_t)(feed - l->buf) + 1);
		if (l->at == 0 && l->end == LINE_BYTES - 1) {
			l->is_cut = true;
			return hand_out(l, l->end, l->end);
		}
		if (!refill(l))
			return l->at == l->end ? NULL
					       : hand_out(l, l->end, l->end);
	}
}

char *
lines_next(struct lines *l)
{
	/* The rest of a line that was cut short belongs to nobody. */
	while (l->is_cut) {
		if (next_piece(l) == NULL)
			return NULL;
	}
	return next_piece(l);
}

/*
 * text.c -- see text.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

void
text_init(struct text *t, char *buf, size_t cap)
{
	t->buf = buf;
	t->cap = cap;
	t->len = 0;
	t->lost = false;
}

void
text_mem(struct text *t, const char *s, size_t len)
{
	size_t room = t->cap - t->len;

	if (len > room) {
		len = room;
		t->lost = true;
	}
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

void
text_str(struct text *t, const char *s)
{
	text_mem(t, s, strlen(s));
}

/* Digits of n in a base up to 16, no leading zeros, at least one digit. */
static void
text_digits(struct text *t, uint64_t n, unsigned radix, unsigned width)
{
	char digits[64];
	size_t at = sizeof digits;

	do {
		digits[--at] = "0123456789abcdef"[n % radix];
		n /= radix;
	} while (n != 0);
	while (sizeof digits - at < width && at > 0)
		digits[--at] = ' ';
	text_mem(t, digits + at, sizeof digits - at);
}

void
text_uint(struct text *t, uint64_t n)
{
	text_digits(t, n, 10, 0);
}

void
text_uint_padded(struct text *t, uint64_t n, unsigned width)
{
	text_digits(t, n, 10, width);
}

void
text_int(struct text *t, int64_t n)
{
	if (n < 0)
		text_str(t, "-");
	text_uint(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void
text_hex(struct text *t, uint64_t n)
{
	text_str(t, "0x");
	text_digits(t, n, 16, 0);
}

/* A terminal may say that it takes bytes, and not take the next one. */
#define WAITS_MAX 100

bool
text_may_write(int fd)
{
	struct timespec patience = { 1, 0 };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	long n;

	do
		n = syscall(SYS_ppoll, &p, 1, &patience, NULL, 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && (p.revents & POLLOUT) != 0;
}

void
text_write(struct text *t, int fd)
{
	size_t done = 0;
	int nwaits = 0;

	while (done < t->len) {
		/* By syscall(): the function is a cancellation point. */
		long n = syscall(SYS_write, fd, t->buf + done, t->len - done);

		if (n < 0 && (errno == EINTR ||
			      (errno == EAGAIN && nwaits++ < WAITS_MAX &&
			       text_may_write(fd))))
			continue;
		/* A reader that went away must not keep us here. */
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	t->len = 0;
}

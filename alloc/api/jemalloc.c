/*
 * jemalloc.c -- jemalloc's interface to what it does: mallctl and the like.
 *
 * Programs made for jemalloc find their names here, so that preloaded they
 * take none of them from the real one, whose pointers are not ours.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../control/ctl.h"
#include "../control/ctl_print.h"
#include "api.h"

EXPORT int
tri_mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
	    size_t newlen)
{
	int before = errno, err;

	boot();
	err = ctl_by_name(name, oldp, oldlenp, newp, newlen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctl, (const char *, void *, size_t *, void *, size_t))

EXPORT int
tri_mallctlnametomib(const char *name, size_t *mib, size_t *miblen)
{
	int before = errno, err;

	boot();
	err = ctl_name_to_mib(name, mib, miblen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctlnametomib, (const char *, size_t *, size_t *))

EXPORT int
tri_mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
		 void *newp, size_t newlen)
{
	int before = errno, err;

	boot();
	err = ctl_by_mib(mib, miblen, oldp, oldlenp, newp, newlen);
	errno = before;
	return err;
}
INTERPOSE(int, mallctlbymib,
	  (const size_t *, size_t, void *, size_t *, void *, size_t))

/* --- statistics --------------------------------------------------------------------- */

#if TRI_JNI
#define malloc_conf    tri_malloc_conf
#define malloc_message tri_malloc_message
#endif

/*
 * The program's own ones stand before these: weak, so that no access takes a
 * short cut to ours.
 */
EXPORT __attribute__((weak)) const char *malloc_conf;
EXPORT __attribute__((weak)) void (*malloc_message)(void *arg, const char *s);

const char *
api_malloc_conf(void)
{
	return malloc_conf;
}

/* What a callback is given at once: some copy it to a buffer of theirs. */
#define PIECE_BYTES 4096

static void
say_in_pieces(struct report *r, void (*say)(void *, const char *), void *arg)
{
	for (size_t at = 0; at < r->len;) {
		size_t end = min_size(at + PIECE_BYTES, r->len);
		char next = r->buf[end];

		r->buf[end] = '\0';
		say(arg, r->buf + at);
		r->buf[end] = next;
		at = end;
	}
}

EXPORT void
tri_malloc_stats_print(void (*write_cb)(void *, const char *), void *arg,
		       const char *opts)
{
	int before = errno;
	struct report r;

	boot();
	if (write_cb == NULL)
		write_cb = malloc_message;
	if (ctl_print(opts != NULL ? opts : "", &r)) {
		/* At once: a reader that is gone is waited for once. */
		if (write_cb == NULL)
			report_write(&r, STDERR_FILENO);
		else
			say_in_pieces(&r, write_cb, arg);
		report_drop(&r);
	}
	errno = before;
}
INTERPOSE(void, malloc_stats_print,
	  (void (*)(void *, const char *), void *, const char *))

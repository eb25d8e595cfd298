/*
 * names.c -- names that the suite's programs are linked with and that musl does
 * not have: a library that comes after the one that is preloaded, so that a
 * process with that has all of them from there.
 */
#include "names.h"

#include <stdint.h>
#include <stdlib.h>

extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new,
		   size_t new_bytes) __attribute__((weak));

static size_t
figure(const char *name)
{
	size_t n = 0, bytes = sizeof n;

	if (mallctl(name, &n, &bytes, NULL, 0) != 0)
		abort();
	return n;
}

/* Of the process that the library is preloaded in, which has it by its names. */
struct mallinfo2
mallinfo2(void)
{
	uint64_t epoch = 1;
	struct mallinfo2 info;

	if (mallctl == NULL ||
	    mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0)
		abort();
	info.arena = figure("stats.active");
	info.uordblks = figure("stats.allocated");
	info.fordblks = info.arena > info.uordblks ? info.arena - info.uordblks
						   : 0;
	return info;
}

int
malloc_trim(size_t pad)
{
	(void)pad;
	abort();
}

int
malloc_info(int options, FILE *to)
{
	(void)options;
	(void)to;
	abort();
}

void
malloc_stats(void)
{
	abort();
}

void *
pvalloc(size_t n)
{
	(void)n;
	abort();
}

/*
 * mapped.h -- what the tests of single floors ask of memory: is it there, what
 * does it hold, and is there more? A part of unit.h.
 */
#ifndef TESTS_MAPPED_H
#define TESTS_MAPPED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "luck.h"

/* True where the kernel can read at addr: mapped, and not PROT_NONE. */
MAYBE_UNUSED static bool
is_readable(const void *addr)
{
	int fds[2];
	bool ok;

	assert_int_equal(pipe(fds), 0);
	ok = write(fds[1], addr, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

/*
 * How many of npages pages of 4 KiB at addr are resident: all on a page of the
 * kernel's, where those are larger, or none.
 */
MAYBE_UNUSED static size_t
resident_pages(const void *addr, size_t npages)
{
	unsigned char vec[4096 + 1];
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = (uintptr_t)addr, start = at & ~(page - 1);
	size_t n = 0;

	assert_true(npages < sizeof vec);
	assert_int_equal(
		mincore((void *)start, at + (npages << 12) - start, vec), 0);
	for (size_t i = 0; i < npages; i++)
		n += vec[(at + (i << 12) - start) / page] & 1;
	return n;
}

MAYBE_UNUSED static bool
is_all(const void *addr, unsigned char byte, size_t n)
{
	const unsigned char *p = addr;

	return n == 0 || (p[0] == byte && memcmp(p, p + 1, n - 1) == 0);
}

/* Leaves the process `more` bytes of address space beyond what it has. */
MAYBE_UNUSED static void
limit_address_space(size_t more)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;
	struct rlimit limit;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	limit.rlim_cur = limit.rlim_max = (pages << 12) + more;
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	/* Where an emulator ignores it, what uses all up would not end. */
	assert_ptr_equal(mmap(NULL, more + (1 << 16), PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0),
			 MAP_FAILED);
}

#endif

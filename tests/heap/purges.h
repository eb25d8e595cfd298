/*
 * purges.h -- a bin of slabs of 64 slots, of which a test says what happens
 * while slabs are held, and how many ranges the kernel takes.
 *
 * Above   tests/heap/bin_purge.c and bin_held.c, linked with
 *         --wrap=purge_ranges
 * Lock    none: one thread
 * Always  a block that is dropped holds what was written to it
 */
#ifndef TESTS_HEAP_PURGES_H
#define TESTS_HEAP_PURGES_H

#include "heap/bins.h"

/* 64 slots of 1 KiB in a slab, four to a page. */
#define SIZE     1024u
#define NSLOTS   64u
#define PER_PAGE 4u

static void *blocks[500 * NSLOTS];
static struct purge_stats stats;

/* --- the kernel, and what happens meanwhile ---------------------------------- */

size_t __wrap_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);
size_t __real_purge_ranges(const struct os_range *ranges, size_t n,
			   struct purge_stats *to);

static void (*meanwhile)(void);
static size_t ntakes = SIZE_MAX; /* ranges that the kernel takes */
static size_t ncalls;
static struct os_range last[256];
static size_t nlast;

size_t
__wrap_purge_ranges(const struct os_range *ranges, size_t n,
		    struct purge_stats *to)
{
	size_t most = min_size(n, ntakes);

	ncalls++;
	assert_in_range(n, 1, COUNT_OF(last));
	memcpy(last, ranges, n * sizeof *ranges);
	nlast = n;
	if (meanwhile != NULL)
		meanwhile();
	return most == 0 ? 0 : __real_purge_ranges(ranges, most, to);
}

/* Pages that went. */
static size_t
purge(unsigned quiet_ticks)
{
	uint64_t before = stats.npages;

	bin_purge(&bin, quiet_ticks, &stats);
	return (size_t)(stats.npages - before);
}

/* --- slabs ----------------------------------------------------------------------- */

static void
sign(void *p)
{
	memset(p, (int)((uintptr_t)p >> 10 & 0xff) | 1, SIZE);
}

static void
expect_signed(const void *p)
{
	assert_true(is_all(p, (unsigned char)(((uintptr_t)p >> 10 & 0xff) | 1),
			   SIZE));
}

/* n full slabs: block NSLOTS * i + k is slot k of slab i. */
static void
begin(size_t n)
{
	cls = size_class(SIZE);
	fill(&bin, blocks, n * NSLOTS);
	for (size_t i = 0; i < n * NSLOTS; i++) {
		assert_ptr_equal(blocks[i], (char *)blocks[i - i % NSLOTS] +
						    i % NSLOTS * SIZE);
		sign(blocks[i]);
	}
	check_bin(&bin, n * NSLOTS);
}

static struct slab *
slab_of(size_t i)
{
	return slab_find(blocks[i * NSLOTS]);
}

/* Flushes n blocks, which were not touched since they were signed. */
static void
drop(size_t from, size_t n)
{
	void *out[NSLOTS];

	assert_true(n <= NSLOTS);
	for (size_t i = 0; i < n; i++)
		expect_signed(blocks[from + i]);
	memcpy(out, blocks + from, n * sizeof *out);
	bin_flush(out, n);
}

/* All blocks of some pages of slab i. */
static void
drop_pages(size_t i, unsigned first, unsigned npages)
{
	for (unsigned k = first; k < first + npages; k++)
		drop(i * NSLOTS + (size_t)k * PER_PAGE, PER_PAGE);
}

/* The next slot comes from slab i. */
static void
take_one_of(size_t i)
{
	void *p;

	fill(&bin, &p, 1);
	assert_ptr_equal(slab_find(p), slab_of(i));
}

#endif

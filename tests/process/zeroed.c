/*
 * zeroed.c -- calloc gives zeroes, whatever was in that memory before.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "memory.h"

#define DIRT 0xa5

/* Leaves blocks of that size behind that are free and dirty to the last byte. */
static void
leave_dirt(size_t n, size_t nblocks)
{
	void *blocks[64];

	for (size_t i = 0; i < nblocks; i++) {
		blocks[i] = malloc(hide_size(n));
		expect(blocks[i] != NULL);
		memset(blocks[i], DIRT, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < nblocks; i++)
		free(blocks[i]);
}

static void
expect_zeroes(size_t count, size_t size, size_t nblocks)
{
	void *blocks[64];

	for (size_t i = 0; i < nblocks; i++) {
		size_t right;

		blocks[i] = calloc(hide_size(count), hide_size(size));
		expect_for(blocks[i] != NULL, "for %zu times %zu bytes", count,
			   size);
		right = zero_check(blocks[i], count * size);
		expect_for(right == count * size, "byte %zu of %zu times %zu",
			   right, count, size);
		memset(blocks[i], DIRT, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < nblocks; i++)
		free(blocks[i]);
}

static void
calloc_gives_zeroes_for_every_small_size(void)
{
	for (size_t n = 0; n <= 4 * KIB; n++) {
		expect_zeroes(1, n, 8);
		expect_zeroes(n, 1, 8);
	}
}

static void
calloc_gives_zeroes_where_dirt_was(void)
{
	for_each_size(n, 256 * KIB)
	{
		leave_dirt(n, 16);
		expect_zeroes(n, 1, 16);
		expect_zeroes(1, n, 16);
	}
}

static void
calloc_gives_zeroes_where_large_dirt_was(void)
{
	for (size_t n = 256 * KIB; n <= 32 * MIB; n += n / 5 * 2 + 777) {
		leave_dirt(n, 3);
		expect_zeroes(1, n, 3);
		expect_zeroes(n / 16, 16, 3);
	}
}

static void
calloc_gives_zeroes_after_trimming(void)
{
	static const size_t sizes[] = {
		100, 3000, 20000, 100000, MIB, 9 * MIB
	};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		leave_dirt(sizes[i], 4);
		malloc_trim(0);
		expect_zeroes(1, sizes[i], 4);
		malloc_trim(0);
		expect_zeroes(sizes[i], 1, 4);
	}
}

/* Pages are known to be zero until somebody may have written to them; a block
 * of another size, elsewhere in the same pages, must not believe it still. */
static void
calloc_gives_zeroes_in_pages_that_served_other_sizes(void)
{
	struct random r = { .state = 1 };
	enum { N = 64, ROUNDS = 20000 };
	void *blocks[N] = { NULL };

	for (int round = 0; round < ROUNDS; round++) {
		size_t at = random_below(&r, N);
		size_t n = random_size(&r, MIB);

		free(blocks[at]);
		if (random_below(&r, 2) == 0) {
			blocks[at] = calloc(1, n);
			expect(blocks[at] != NULL);
			expect_for(zero_check(blocks[at], n) == n,
				   "%zu bytes, round %d", n, round);
		} else {
			blocks[at] = malloc(n);
			expect(blocks[at] != NULL);
		}
		/* Some stay clean, so that there is something to know. */
		if (random_below(&r, 4) != 0)
			memset(blocks[at], DIRT,
			       malloc_usable_size(blocks[at]));
	}
	for (int i = 0; i < N; i++)
		free(blocks[i]);
}

/* One byte anywhere must be enough to make a page dirty. */
static void
one_dirty_byte_is_zeroed_too(void)
{
	static const size_t sizes[] = { 64 * KIB, 300 * KIB, MIB, 5 * MIB };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (size_t at = 0; at < sizes[i]; at += sizes[i] / 37) {
			char *p = calloc(1, hide_size(sizes[i]));

			expect(p != NULL &&
			       zero_check(p, sizes[i]) == sizes[i]);
			p[at] = 1;
			free(p);
		}
	}
}

static void
realloc_of_a_zeroed_block_leaves_no_clean_looking_dirt(void)
{
	for (size_t n = 16; n <= 4 * MIB; n *= 2) {
		char *p = calloc(1, hide_size(n));

		p = realloc(p, hide_size(2 * n));
		expect(p != NULL && zero_check(p, n) == n);
		memset(p, DIRT, 2 * n);
		p = realloc(p, hide_size(n));
		free(p);
		expect_zeroes(1, n, 2);
		expect_zeroes(1, 2 * n, 2);
	}
}

static void
calloc_refuses_a_product_that_overflows(void)
{
	static const size_t pairs[][2] = {
		{ SIZE_MAX, 2 },
		{ 2, SIZE_MAX },
		{ SIZE_MAX, SIZE_MAX },
		{ (size_t)1 << 32, (size_t)1 << 32 },
		{ ((size_t)1 << 32) + 1, (size_t)1 << 32 },
		{ SIZE_MAX / 16 + 1, 16 },
		{ SIZE_MAX / 3 + 1, 3 },
		{ (size_t)1 << 63, 2 },
		{ (size_t)1 << 62, 2 },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		errno = 0;
		expect(calloc(hide_size(pairs[i][0]), hide_size(pairs[i][1])) ==
		       NULL);
		expect_for(errno == ENOMEM, "errno %d", errno);
	}
}

static void
calloc_of_nothing_gives_a_block(void)
{
	static const size_t pairs[][2] = {
		{ 0, 0 }, { 0, SIZE_MAX }, { SIZE_MAX, 0 }, { 0, 8 }
	};
	void *last = NULL;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		void *p = calloc(hide_size(pairs[i][0]),
				 hide_size(pairs[i][1]));

		expect(p != NULL && p != last);
		free(last);
		last = p;
	}
	free(last);
}

/* The kernel's fresh pages are zero: to write them would make them resident. */
static void
a_fresh_calloc_of_64_mib_touches_no_page(void)
{
	size_t before = resident_bytes();
	char *p = calloc(64, hide_size(MIB));

	expect(p != NULL);
	expect_for(resident_bytes() - before < MIB, "%zu KiB",
		   (resident_bytes() - before) / KIB);
	expect(zero_check(p, 64 * MIB) == 64 * MIB);
	free(p);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(calloc_gives_zeroes_for_every_small_size),
		CASE(calloc_gives_zeroes_where_dirt_was),
		CASE(calloc_gives_zeroes_where_large_dirt_was),
		CASE(calloc_gives_zeroes_after_trimming),
		CASE(calloc_gives_zeroes_in_pages_that_served_other_sizes),
		CASE(one_dirty_byte_is_zeroed_too),
		CASE(realloc_of_a_zeroed_block_leaves_no_clean_looking_dirt),
		CASE(calloc_refuses_a_product_that_overflows),
		CASE(calloc_of_nothing_gives_a_block),
		CASE(a_fresh_calloc_of_64_mib_touches_no_page),
	};

	return RUN_CASES(argc, argv, cases);
}

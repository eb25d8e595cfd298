/*
 * resizing.c -- realloc and reallocarray: every way from one size to another.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "memory.h"

/* Both sides of what is likely to be a border: small, large, huge. */
static const size_t sizes[] = {
	1,       16,      17,          100,      1008,    1024,    1025,
	4096,    4097,    10000,       32752,    32768,   32769,   65536,
	65537,   200000,  MIB - 1,     MIB,      MIB + 1, 2 * MIB, 2 * MIB + 1,
	3 * MIB, 4 * MIB, 5 * MIB + 5, 17 * MIB,
};

#define N_SIZES (sizeof sizes / sizeof sizes[0])

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What a block held up to the smaller of both sizes, it holds afterwards. */
static void *
resize(void *p, size_t from, size_t to)
{
	size_t kept = smaller(from, to);
	void *q;

	pattern_fill(p, from, from);
	q = realloc(p, hide_size(to));
	expect_for(q != NULL, "%zu to %zu", from, to);
	expect_for(is_aligned(q, ALIGNMENT), "%p, %zu to %zu", q, from, to);
	expect_for(malloc_usable_size(q) >= to, "%zu to %zu", from, to);
	expect_for(pattern_check(q, kept, from) == kept, "%zu to %zu", from,
		   to);
	memset(q, 0x5a, malloc_usable_size(q));
	return q;
}

static void
realloc_keeps_the_contents_between_any_two_sizes(void)
{
	for (size_t from = 0; from < N_SIZES; from++) {
		for (size_t to = 0; to < N_SIZES; to++) {
			void *p = malloc(hide_size(sizes[from]));

			expect(p != NULL);
			free(resize(p, sizes[from], sizes[to]));
		}
	}
}

static void
realloc_keeps_the_contents_over_a_random_life(void)
{
	struct random r = { .state = 2 };

	for (int life = 0; life < 200; life++) {
		size_t n = random_size(&r, 8 * MIB) + 1;
		void *p = malloc(n);

		expect(p != NULL);
		for (int step = 0; step < 8; step++) {
			size_t to = random_size(&r, 8 * MIB) + 1;

			p = resize(p, n, to);
			n = to;
		}
		free(p);
	}
}

static void
realloc_keeps_the_contents_byte_by_byte(void)
{
	char *p = malloc(hide_size(1));

	p[0] = 0;
	for (size_t n = 1; n <= 20000; n++) {
		p = realloc(p, hide_size(n + 1));
		expect(p != NULL);
		p[n] = (char)n;
		expect_for(p[n / 2] == (char)(n / 2), "growing to %zu", n + 1);
	}
	for (size_t n = 20000; n > 0; n--) {
		p = realloc(p, hide_size(n));
		expect(p != NULL);
		expect_for(p[n - 1] == (char)(n - 1), "shrinking to %zu", n);
	}
	free(p);
}

static void
realloc_of_null_is_malloc(void)
{
	for_each_size(n, 4 * MIB)
	{
		void *p = realloc(hide(NULL), n);

		expect_for(p != NULL && is_aligned(p, ALIGNMENT),
			   "%p for %zu bytes", p, n);
		expect(malloc_usable_size(p) >= n);
		free(p);
	}
}

/* As in glibc; it must really have been freed, or 4 GB would be missing. */
static void
realloc_to_nothing_frees_and_returns_null(void)
{
	size_t before = resident_bytes();

	for (int i = 0; i < 100000; i++) {
		static const size_t mixed[] = { 100, 3000, 40000, 100000 };
		size_t n = mixed[i % 4];
		void *p = malloc(n);

		expect(p != NULL);
		memset(p, 1, n);
		expect(realloc(p, hide_size(0)) == NULL);
	}
	malloc_trim(0);
	expect_for(resident_bytes() < before + 4 * MIB, "%zu KiB more",
		   (resident_bytes() - before) / KIB);
}

static void
realloc_of_null_to_nothing_gives_a_block(void)
{
	void *p = realloc(hide(NULL), hide_size(0));

	expect(p != NULL);
	free(p);
}

static void
realloc_keeps_the_contents_of_an_aligned_block(void)
{
	for (size_t alignment = 16; alignment <= 4 * MIB; alignment *= 2) {
		for (size_t i = 0; i < N_SIZES; i++) {
			size_t n = sizes[i];
			void *p = aligned_alloc(alignment, n);

			expect_for(p != NULL, "%zu at %zu", n, alignment);
			p = resize(p, n, n + n / 2);
			free(resize(p, n + n / 2, n / 2 + 1));
		}
	}
}

/* --- huge blocks ----------------------------------------------------------- */

/* A word per page tells whether the page came along. */
static void
stamp(char *p, size_t from, size_t to)
{
	for (size_t at = from; at + sizeof at <= to; at += 4096)
		memcpy(p + at, &at, sizeof at);
}

static void
expect_stamped(const char *p, size_t to)
{
	for (size_t at = 0; at + sizeof at <= to; at += 4096)
		expect_for(memcmp(p + at, &at, sizeof at) == 0,
			   "page at %zu of %zu", at, to);
}

static void
a_huge_block_keeps_its_contents_while_it_grows_and_shrinks(void)
{
	size_t n = MIB;
	char *p = malloc(hide_size(n));

	stamp(p, 0, n);
	while (n < 400 * MIB) {
		size_t to = (n + n / 3 + 12345) & ~(size_t)4095;

		p = realloc(p, to);
		expect(p != NULL);
		stamp(p, n, to);
		n = to;
	}
	expect_stamped(p, n);
	while (n > MIB) {
		n = n / 2 & ~(size_t)4095;
		p = realloc(p, n);
		expect(p != NULL);
		expect_stamped(p, n);
	}
	free(p);
}

/* A copy would touch each page of the new place: 16,384 faults of 4 KiB. */
static void
a_huge_block_that_grows_is_not_copied(void)
{
	size_t n = 64 * MIB;
	char *p = malloc(hide_size(n));
	char *neighbour = malloc(hide_size(n));
	long faults;

	expect(p != NULL && neighbour != NULL);
	stamp(p, 0, n);
	faults = minor_faults();
	p = realloc(p, hide_size(3 * n));
	faults = minor_faults() - faults;
	expect(p != NULL);
	expect_for(faults < 1000, "%ld page faults", faults);
	expect_stamped(p, n);
	free(p);
	free(neighbour);
}

static void
a_huge_block_that_shrinks_gives_its_memory_back(void)
{
	size_t before = resident_bytes();
	char *p = malloc(hide_size(64 * MIB));

	expect(p != NULL);
	stamp(p, 0, 64 * MIB);
	expect(resident_bytes() - before >= 64 * MIB);
	p = realloc(p, hide_size(8 * MIB));
	expect(p != NULL);
	expect_stamped(p, 8 * MIB);
	malloc_trim(0);
	expect_for(resident_bytes() - before < 10 * MIB, "%zu KiB",
		   (resident_bytes() - before) / KIB);
	free(p);
}

/* --- reallocarray ------------------------------------------------------------ */

static void
reallocarray_multiplies_and_keeps_the_contents(void)
{
	char *p = reallocarray(hide(NULL), hide_size(10), hide_size(100));

	expect(p != NULL && malloc_usable_size(p) >= 1000);
	pattern_fill(p, 1000, 1);
	p = reallocarray(p, hide_size(1000), hide_size(1000));
	expect(p != NULL && malloc_usable_size(p) >= 1000000);
	expect(pattern_check(p, 1000, 1) == 1000);
	p = reallocarray(p, hide_size(7), hide_size(9));
	expect(p != NULL && malloc_usable_size(p) >= 63);
	expect(pattern_check(p, 63, 1) == 63);
	free(p);
}

static void
reallocarray_refuses_a_product_that_overflows_and_leaves_the_block(void)
{
	static const size_t pairs[][2] = {
		{ SIZE_MAX, 2 },
		{ 2, SIZE_MAX },
		{ (size_t)1 << 32, (size_t)1 << 32 },
		{ ((size_t)1 << 32) + 1, (size_t)1 << 32 },
		{ SIZE_MAX / 100 + 1, 100 },
		{ (size_t)1 << 62, 2 },
	};
	void *p = malloc(hide_size(100));

	pattern_fill(p, 100, 3);
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		errno = 0;
		expect(reallocarray(p, hide_size(pairs[i][0]),
				    hide_size(pairs[i][1])) == NULL);
		expect_for(errno == ENOMEM, "errno %d", errno);
		expect(pattern_check(p, 100, 3) == 100);
	}
	free(p);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(realloc_keeps_the_contents_between_any_two_sizes),
		CASE(realloc_keeps_the_contents_over_a_random_life),
		CASE(realloc_keeps_the_contents_byte_by_byte),
		CASE(realloc_of_null_is_malloc),
		CASE(realloc_to_nothing_frees_and_returns_null),
		CASE(realloc_of_null_to_nothing_gives_a_block),
		CASE(realloc_keeps_the_contents_of_an_aligned_block),
		CASE(a_huge_block_keeps_its_contents_while_it_grows_and_shrinks),
		CASE(a_huge_block_that_grows_is_not_copied),
		CASE(a_huge_block_that_shrinks_gives_its_memory_back),
		CASE(reallocarray_multiplies_and_keeps_the_contents),
		CASE(reallocarray_refuses_a_product_that_overflows_and_leaves_the_block),
	};

	return RUN_CASES(argc, argv, cases);
}

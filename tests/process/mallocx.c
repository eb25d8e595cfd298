/*
 * mallocx.c -- jemalloc's functions with flags: sizes, alignment, zeroes,
 * refusals, and what stays where it is.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "memory.h"
#include "xlib.h"

#define EVERY_SIZE_MAX (20 * KIB)
#define STEPPED_MAX    (16 * MIB)

/* nallocx's word, mallocx's deed. */
static void
expect_as_promised(size_t n, int flags)
{
	size_t promised = x.nallocx(n, flags);
	void *p = x.mallocx(n, flags);

	expect_for(p != NULL, "%zu bytes, flags %#x", n, flags);
	expect_for(promised >= n, "%zu for %zu", promised, n);
	expect_for(malloc_usable_size(p) == promised,
		   "%zu and not %zu for %zu bytes, flags %#x",
		   malloc_usable_size(p), promised, n, flags);
	expect(x.sallocx(p, flags) == promised);
	x.sdallocx(p, n, flags);
}

static void
nallocx_says_what_mallocx_gives(void)
{
	x_load();
	for (size_t n = 1; n <= EVERY_SIZE_MAX; n++)
		expect_as_promised(n, 0);
	for_each_size(n, STEPPED_MAX) expect_as_promised(n, 0);
}

static void
nallocx_says_what_aligned_requests_give(void)
{
	x_load();
	for (int lg = 0; lg <= 22; lg++) {
		for (size_t n = 1; n <= 4 * MIB; n = n * 3 / 2 + 7) {
			expect_as_promised(n, X_LG(lg));
			expect_as_promised(n, X_LG(lg) | X_NONE);
		}
	}
}

static void
what_is_too_large_has_no_size_and_no_block(void)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 4096,
					(size_t)PTRDIFF_MAX + 1 };
	void *p;

	x_load();
	p = x.mallocx(100, 0);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t n = hide_size(sizes[i]);

		expect(x.nallocx(n, 0) == 0);
		expect(x.nallocx(n, X_LG(12)) == 0);
		expect(x.mallocx(n, 0) == NULL);
		expect(x.mallocx(n, X_ZERO | X_NONE) == NULL);
		expect(x.rallocx(p, n, 0) == NULL);
		expect(x.rallocx(p, n, X_LG(6)) == NULL);
	}
	expect(x.nallocx(1, X_LG(63)) == 0);
	expect(x.mallocx(1, X_LG(63)) == NULL);
	expect(x.mallocx(hide_size((size_t)PTRDIFF_MAX - 100), X_LG(20)) ==
	       NULL);
	x.dallocx(p, 0);
}

static void
blocks_lie_at_multiples_of_their_alignment(void)
{
	enum { N = 40 };
	static void *blocks[N];

	x_load();
	for (int lg = 0; lg <= 24; lg++) {
		for (size_t i = 0; i < N; i++) {
			size_t n = 1 + i * 997;

			blocks[i] = x.mallocx(n, X_LG(lg) | X_ZERO);
			expect(is_aligned(blocks[i], (size_t)1 << lg));
			expect(is_aligned(blocks[i], 16));
			memset(blocks[i], 1, n);
		}
		for (size_t i = 0; i < N; i++)
			x.sdallocx(blocks[i], 1 + i * 997, X_LG(lg));
	}
}

/* What was freed a moment ago, and is full of ones. */
static void
expect_zeroes(size_t n, int flags)
{
	size_t usable;
	char *p = x.mallocx(n, flags);

	expect(p != NULL);
	memset(p, 0xff, malloc_usable_size(p));
	x.dallocx(p, flags);
	p = x.mallocx(n, flags | X_ZERO);
	usable = malloc_usable_size(p);
	for (size_t i = 0; i < usable; i++)
		expect_for(p[i] == 0, "byte %zu of %zu, flags %#x", i, n,
			   flags);
	x.dallocx(p, flags);
}

static void
every_usable_byte_is_zero_where_zeroes_are_wished(void)
{
	x_load();
	for_each_size(n, 4 * MIB)
	{
		expect_zeroes(n, 0);
		expect_zeroes(n, X_NONE);
		expect_zeroes(n, X_LG(8));
		expect_zeroes(n, X_ARENA(0));
	}
}

static void
a_block_that_grows_keeps_its_bytes_and_gets_zeroes(void)
{
	static const size_t sizes[] = {
		1, 40, 300, 5000, 16384, 17000, 70000, 1 << 20, 3 << 20, 9 << 20
	};
	enum { N = sizeof sizes / sizeof sizes[0] };

	x_load();
	for (size_t i = 0; i + 1 < N; i++) {
		unsigned char *p = x.mallocx(sizes[i], 0);
		size_t old = malloc_usable_size(p), now;

		memset(p, 0xee, old);
		p = x.rallocx(p, sizes[i + 1], X_ZERO);
		now = malloc_usable_size(p);
		expect(now >= sizes[i + 1]);
		for (size_t k = 0; k < sizes[i]; k++)
			expect(p[k] == 0xee);
		for (size_t k = old; k < now; k++)
			expect_for(p[k] == 0, "byte %zu of %zu", k, now);
		x.sdallocx(p, sizes[i + 1], 0);
	}
}

static void
rallocx_keeps_the_bytes_and_the_alignment(void)
{
	uint64_t luck = 7;

	x_load();
	for (int i = 0; i < 3000; i++) {
		int lg = (int)(luck % 17);
		size_t from = 1 + luck % 100000 % (luck % 3 == 0 ? 90000 : 700);
		size_t to = 1 + luck / 3 % (luck % 5 == 0 ? 300000 : 900);
		size_t n = from < to ? from : to;
		char *p = x.mallocx(from, X_LG(lg)), *q;

		pattern_fill(p, from, (size_t)i);
		q = x.rallocx(p, to, X_LG(lg));
		expect(q != NULL && is_aligned(q, (size_t)1 << lg));
		expect(pattern_check(q, n, (size_t)i) == n);
		x.dallocx(q, X_LG(lg));
		luck = luck * 6364136223846793005u + 1442695040888963407u;
		luck ^= luck >> 29;
	}
}

static void
rallocx_of_nothing_is_mallocx(void)
{
	char *p;

	x_load();
	p = x.rallocx(NULL, 1000, X_LG(12) | X_ZERO);
	expect(p != NULL && is_aligned(p, 4096));
	for (size_t i = 0; i < 1000; i++)
		expect(p[i] == 0);
	expect(malloc_usable_size(p) == x.nallocx(1000, X_LG(12)));
	x.sdallocx(p, 1000, X_LG(12));
}

static void
xallocx_never_moves_and_says_the_truth(void)
{
	x_load();
	for_each_size(n, 4 * MIB)
	{
		char *p = x.mallocx(n, 0);
		size_t before = x.sallocx(p, 0), now;

		pattern_fill(p, n, n);
		now = x.xallocx(p, n * 2, n, X_ZERO);
		expect(now >= before && now == malloc_usable_size(p));
		expect(pattern_check(p, n, n) == n);
		for (size_t i = before; i < now; i++)
			expect_for(p[i] == 0, "byte %zu of %zu", i, now);
		now = x.xallocx(p, n, 0, 0);
		expect(now >= n && now == malloc_usable_size(p));
		expect(pattern_check(p, n, n) == n);
		x.sdallocx(p, now, 0);
	}
}

static void
xallocx_shrinks_and_grows_a_large_block(void)
{
	char *p;

	x_load();
	p = x.mallocx(8 * MIB, 0);
	expect(x.xallocx(p, 3 * MIB, 0, 0) == 3 * MIB);
	expect(x.xallocx(p, 4 * MIB, MIB, 0) == 5 * MIB);
	/* What fits the wish already stays. */
	expect(x.xallocx(p, 1, SIZE_MAX - 1, 0) >= 5 * MIB);
	expect(x.xallocx(p, SIZE_MAX, 0, 0) >= 5 * MIB);
	/* Nor do both together wrap. */
	expect(x.xallocx(p, 5 * MIB, SIZE_MAX, 0) >= 5 * MIB);
	x.dallocx(p, 0);
}

static void
a_small_block_stays_what_it_is(void)
{
	char *p;

	x_load();
	p = x.mallocx(100, 0);
	expect(x.xallocx(p, 5000, 0, 0) == malloc_usable_size(p));
	expect(x.xallocx(p, 1, 0, 0) == malloc_usable_size(p));
	x.sdallocx(p, 100, 0);
}

static void
blocks_come_from_and_go_to_anywhere(void)
{
	static const int flags[] = { 0, X_NONE, X_ARENA(0), X_ARENA(0) | X_NONE,
				     X_LG(6) };
	enum { N = sizeof flags / sizeof flags[0] };

	x_load();
	for_each_size(n, 2 * MIB)
	{
		for (int i = 0; i < N * N; i++) {
			char *p = x.mallocx(n, flags[i / N]);

			pattern_fill(p, n, n);
			p = x.rallocx(p, n + n / 3 + 1, flags[i % N]);
			expect(pattern_check(p, n, n) == n);
			x.dallocx(p, flags[i % N] & ~0x3f);
		}
		free(x.mallocx(n, X_NONE));
		x.dallocx(malloc(n), X_NONE);
	}
}

static void
errno_stays_as_it_is(void)
{
	void *p;

	x_load();
	errno = 77;
	expect(x.mallocx(hide_size(SIZE_MAX), 0) == NULL && errno == 77);
	expect(x.mallocx((size_t)1 << 60, X_LG(12)) == NULL && errno == 77);
	p = x.mallocx(5000, X_ZERO);
	expect(x.rallocx(p, (size_t)1 << 60, 0) == NULL && errno == 77);
	p = x.rallocx(p, 9 * MIB, 0);
	x.xallocx(p, 1 << 20, 1 << 30, 0);
	x.sdallocx(p, x.sallocx(p, 0), 0);
	expect(errno == 77);
}

static void
an_arena_that_does_not_exist_has_no_block(void)
{
	void *p;

	x_load();
	expect(x.mallocx(100, X_ARENA(4000)) == NULL);
	expect(x.mallocx(100000, X_ARENA(4000) | X_NONE) == NULL);
	p = x.mallocx(100, 0);
	expect(x.rallocx(p, 5000, X_ARENA(4000)) == NULL);
	x.dallocx(p, X_ARENA(4000));
}

static void
nothing_is_no_block(void)
{
	x_load();
	x.dallocx(hide(NULL), 0);
	x.dallocx(hide(NULL), X_NONE);
	x.sdallocx(hide(NULL), 10, 0);
}

/* Whatever the options put around it. */
static void
a_block_goes_with_the_size_that_it_was_asked_for(void)
{
	static const int flags[] = { 0, X_ZERO, X_NONE, X_LG(6) };

	x_load();
	for_each_size(n, 100000)
	{
		for (size_t i = 0; n > 0 && i < 4; i++) {
			void *p = x.mallocx(n, flags[i]);

			expect(p != NULL && x.sallocx(p, flags[i]) >= n);
			x.sdallocx(p, n, flags[i]);
		}
	}
}

static const struct test_case cases[] = {
	CASE(nallocx_says_what_mallocx_gives),
	CASE(nallocx_says_what_aligned_requests_give),
	CASE(what_is_too_large_has_no_size_and_no_block),
	CASE(blocks_lie_at_multiples_of_their_alignment),
	CASE(every_usable_byte_is_zero_where_zeroes_are_wished),
	CASE(a_block_that_grows_keeps_its_bytes_and_gets_zeroes),
	CASE(rallocx_keeps_the_bytes_and_the_alignment),
	CASE(rallocx_of_nothing_is_mallocx),
	CASE(xallocx_never_moves_and_says_the_truth),
	CASE(xallocx_shrinks_and_grows_a_large_block),
	CASE(a_small_block_stays_what_it_is),
	CASE(blocks_come_from_and_go_to_anywhere),
	CASE(errno_stays_as_it_is),
	CASE(an_arena_that_does_not_exist_has_no_block),
	CASE(nothing_is_no_block),
	CASE(a_block_goes_with_the_size_that_it_was_asked_for),
	{ .name = "a_guarded_block_does_so",
	  .run = a_block_goes_with_the_size_that_it_was_asked_for,
	  .conf = "guarded:1,guarded_slots:40" },
	{ .name = "a_checked_block_does_so",
	  .run = a_block_goes_with_the_size_that_it_was_asked_for,
	  .conf = "check:full" },
	{ .name = "a_block_both_guarded_and_checked_does_so",
	  .run = a_block_goes_with_the_size_that_it_was_asked_for,
	  .conf = "check:full,guarded:1,guarded_slots:40" },
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}

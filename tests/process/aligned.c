/*
 * aligned.c -- aligned_alloc, posix_memalign, memalign, valloc, pvalloc.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "memory.h"

#define ALIGNMENT_MAX (64 * MIB)

static const size_t sizes[] = { 0,     1,      15,      16,     17,
				100,   1000,   4096,    4097,   20000,
				65536, 300000, 3 * MIB, 8 * MIB };

#define N_SIZES (sizeof sizes / sizeof sizes[0])

/* --- three functions that take any power of two ------------------------------ */

static void *
by_posix_memalign(size_t alignment, size_t n)
{
	void *p = NULL;
	size_t least = sizeof(void *);

	expect(posix_memalign(&p, alignment < least ? least : alignment, n) ==
	       0);
	return p;
}

static void
expect_room(char *p, size_t alignment, size_t n, size_t key)
{
	size_t usable;

	expect_for(p != NULL, "%zu at %zu", n, alignment);
	expect_for(is_aligned(p, alignment), "%p for %zu at %zu", (void *)p, n,
		   alignment);
	expect_for(is_aligned(p, ALIGNMENT), "%p for %zu at %zu", (void *)p, n,
		   alignment);
	usable = malloc_usable_size(p);
	expect_for(usable >= n, "%zu for %zu at %zu", usable, n, alignment);
	pattern_fill(p, usable, key);
}

static void
expect_untouched(char *p, size_t alignment, size_t n, size_t key)
{
	size_t usable = malloc_usable_size(p);
	size_t right = pattern_check(p, usable, key);

	expect_for(right == usable, "byte %zu of %zu at %zu changed", right, n,
		   alignment);
}

/* Several live at once and are written whole. */
static void
try_alignment(void *(*function)(size_t, size_t), size_t alignment, size_t n)
{
	enum { N = 4 };
	char *blocks[N];

	for (size_t i = 0; i < N; i++) {
		blocks[i] = function(hide_size(alignment), hide_size(n));
		expect_room(blocks[i], alignment, n, n + i);
	}
	for (size_t i = 0; i < N; i++) {
		expect_untouched(blocks[i], alignment, n, n + i);
		free(blocks[i]);
	}
}

static void
try_every_alignment(void *(*function)(size_t, size_t))
{
	for (size_t alignment = 1; alignment <= ALIGNMENT_MAX; alignment *= 2) {
		for (size_t i = 0; i < N_SIZES; i++)
			try_alignment(function, alignment, sizes[i]);
	}
}

static void
aligned_alloc_gives_every_alignment_to_64_mib(void)
{
	try_every_alignment(aligned_alloc);
}

static void
memalign_gives_every_alignment_to_64_mib(void)
{
	try_every_alignment(memalign);
}

static void
posix_memalign_gives_every_alignment_to_64_mib(void)
{
	try_every_alignment(by_posix_memalign);
}

static void
every_size_can_be_had_at_every_alignment_to_a_page(void)
{
	for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
		for (size_t n = 0; n <= 3 * 4096; n += 1 + n / 64)
			try_alignment(aligned_alloc, alignment, n);
	}
}

static void
alignments_mix_with_everything_else(void)
{
	enum { N = 200, ROUNDS = 100000 };
	static char *blocks[N];
	static size_t keys[N];
	struct random r = { .state = 3 };

	for (size_t round = 1; round <= ROUNDS; round++) {
		size_t at = random_below(&r, N);
		size_t alignment = (size_t)1 << random_below(&r, 17);
		size_t n = random_size(&r, 40000);

		if (blocks[at] != NULL)
			expect_untouched(blocks[at], 0, 0, keys[at]);
		free(blocks[at]);
		blocks[at] = random_below(&r, 3) == 0 ? malloc(n)
						      : memalign(alignment, n);
		keys[at] = round;
		expect(blocks[at] != NULL);
		pattern_fill(blocks[at], malloc_usable_size(blocks[at]), round);
	}
}

/* --- what they refuse --------------------------------------------------------- */

static const size_t not_powers_of_two[] = { 3,
					    5,
					    6,
					    7,
					    9,
					    12,
					    24,
					    48,
					    100,
					    4095,
					    4097,
					    12288,
					    MIB + 1,
					    SIZE_MAX,
					    SIZE_MAX - 1,
					    ((size_t)1 << 63) + 1 };

#define N_WRONG (sizeof not_powers_of_two / sizeof not_powers_of_two[0])

static void
expect_posix_memalign_einval(size_t alignment)
{
	char mark;
	void *p = &mark;

	errno = 77;
	expect_for(posix_memalign(&p, hide_size(alignment), hide_size(100)) ==
			   EINVAL,
		   "alignment %zu", alignment);
	expect_for(errno == 77, "errno %d", errno);
	expect(p == &mark);
}

static void
posix_memalign_returns_einval_for_a_wrong_alignment(void)
{
	for (size_t i = 0; i < N_WRONG; i++)
		expect_posix_memalign_einval(not_powers_of_two[i]);
	/* It wants a multiple of a pointer's size, too. */
	expect_posix_memalign_einval(0);
	expect_posix_memalign_einval(1);
	expect_posix_memalign_einval(2);
	expect_posix_memalign_einval(4);
}

static void
aligned_alloc_fails_with_einval_for_a_wrong_alignment(void)
{
	for (size_t i = 0; i < N_WRONG; i++) {
		errno = 0;
		expect_for(aligned_alloc(hide_size(not_powers_of_two[i]),
					 hide_size(96)) == NULL,
			   "alignment %zu", not_powers_of_two[i]);
		expect_for(errno == EINVAL, "errno %d", errno);
	}
	errno = 0;
	expect(aligned_alloc(hide_size(0), hide_size(96)) == NULL &&
	       errno == EINVAL);
}

/* Programs written for glibc rely on it. */
static void
memalign_rounds_a_wrong_alignment_up(void)
{
	for (size_t alignment = 0; alignment <= 10000;
	     alignment += 1 + alignment / 7) {
		size_t power = 1;
		void *p;

		while (power < alignment)
			power *= 2;
		p = memalign(hide_size(alignment), hide_size(100));
		expect_for(p != NULL && is_aligned(p, power), "%p for %zu", p,
			   alignment);
		free(p);
	}
}

static void
memalign_fails_with_einval_where_no_power_of_two_is_larger(void)
{
	errno = 0;
	expect(memalign(hide_size(SIZE_MAX), hide_size(100)) == NULL &&
	       errno == EINVAL);
	errno = 0;
	expect(memalign(hide_size(((size_t)1 << 63) + 1), hide_size(100)) ==
	       NULL);
	expect(errno == EINVAL);
}

static void
posix_memalign_leaves_errno_alone_when_it_succeeds(void)
{
	for (size_t i = 0; i < N_SIZES; i++) {
		void *p = NULL;

		errno = 77;
		expect(posix_memalign(&p, 4096, sizes[i]) == 0);
		expect_for(errno == 77, "errno %d", errno);
		free(p);
		expect_for(errno == 77, "errno %d", errno);
	}
}

/* --- whole pages --------------------------------------------------------------- */

static void
valloc_gives_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < N_SIZES; i++) {
		char *p = valloc(sizes[i]);

		expect_room(p, page, sizes[i], i);
		expect_untouched(p, page, sizes[i], i);
		free(p);
	}
}

static void
pvalloc_gives_whole_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < N_SIZES; i++) {
		size_t whole = (sizes[i] + page - 1) / page * page;
		char *p = pvalloc(sizes[i]);

		expect_room(p, page, whole, i);
		expect_untouched(p, page, whole, i);
		free(p);
	}
}

/* An alignment costs address space, not memory. */
static void
an_alignment_of_64_mib_makes_no_64_mib_resident(void)
{
	enum { N = 16 };
	char *blocks[N];
	size_t before = resident_bytes();

	for (int i = 0; i < N; i++) {
		blocks[i] = aligned_alloc(ALIGNMENT_MAX, hide_size(100));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, 100);
	}
	expect_for(resident_bytes() - before < 2 * MIB, "%zu KiB",
		   (resident_bytes() - before) / KIB);
	for (int i = 0; i < N; i++)
		free(blocks[i]);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(aligned_alloc_gives_every_alignment_to_64_mib),
		CASE(memalign_gives_every_alignment_to_64_mib),
		CASE(posix_memalign_gives_every_alignment_to_64_mib),
		CASE(every_size_can_be_had_at_every_alignment_to_a_page),
		CASE(alignments_mix_with_everything_else),
		CASE(posix_memalign_returns_einval_for_a_wrong_alignment),
		CASE(aligned_alloc_fails_with_einval_for_a_wrong_alignment),
		CASE(memalign_rounds_a_wrong_alignment_up),
		CASE(memalign_fails_with_einval_where_no_power_of_two_is_larger),
		CASE(posix_memalign_leaves_errno_alone_when_it_succeeds),
		CASE(valloc_gives_pages),
		CASE(pvalloc_gives_whole_pages),
		CASE(an_alignment_of_64_mib_makes_no_64_mib_resident),
	};

	return RUN_CASES(argc, argv, cases);
}

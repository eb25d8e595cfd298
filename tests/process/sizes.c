/*
 * sizes.c -- what malloc gives for a size: alignment, room, waste, refusals.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "library.h"
#include "memory.h"

/* The most that sizes are tried to one by one, and to by steps. */
#define EVERY_SIZE_MAX (64 * KIB)
#define STEPPED_MAX    (64 * MIB)

static void
malloc_of_nothing_gives_distinct_blocks(void)
{
	enum { N = 1000 };
	static char *blocks[N];

	for (int i = 0; i < N; i++) {
		blocks[i] = malloc(hide_size(0));
		expect(blocks[i] != NULL);
		for (int k = 0; k < i; k++)
			expect(blocks[k] != blocks[i]);
	}
	for (int i = 0; i < N; i++)
		free(blocks[i]);
}

/* Some blocks of a size live at once, so that they cannot all be the first of
 * their slab or run. */
static void
expect_aligned(size_t n)
{
	enum { N = 5 };
	void *blocks[N];

	for (int i = 0; i < N; i++) {
		blocks[i] = malloc(hide_size(n));
		expect_for(blocks[i] != NULL, "for %zu bytes", n);
		expect_for(is_aligned(blocks[i], ALIGNMENT), "%p for %zu bytes",
			   blocks[i], n);
	}
	for (int i = 0; i < N; i++)
		free(blocks[i]);
}

static void
every_block_up_to_64_kib_is_aligned_to_16_bytes(void)
{
	for (size_t n = 0; n <= EVERY_SIZE_MAX; n++)
		expect_aligned(n);
}

static void
every_larger_block_is_aligned_to_16_bytes(void)
{
	for_each_size(n, STEPPED_MAX) expect_aligned(n);
}

static void
the_usable_size_is_at_least_the_size_asked_for(void)
{
	for (size_t n = 0; n <= EVERY_SIZE_MAX; n++) {
		void *p = malloc(hide_size(n));

		expect_for(malloc_usable_size(p) >= n, "%zu < %zu",
			   malloc_usable_size(p), n);
		free(p);
	}
	for_each_size(large, STEPPED_MAX)
	{
		void *p = malloc(large);

		expect_for(malloc_usable_size(p) >= large, "%zu < %zu",
			   malloc_usable_size(p), large);
		free(p);
	}
}

static void
the_usable_size_of_no_block_is_0(void)
{
	expect(malloc_usable_size(hide(NULL)) == 0);
}

/* Three neighbours are each written whole: none may reach into another. */
static void
expect_writable(size_t n)
{
	enum { N = 3 };
	void *blocks[N];

	for (size_t i = 0; i < N; i++) {
		blocks[i] = malloc(hide_size(n));
		expect_for(blocks[i] != NULL, "for %zu bytes", n);
		pattern_fill(blocks[i], malloc_usable_size(blocks[i]),
			     n * N + i);
	}
	for (size_t i = 0; i < N; i++) {
		size_t usable = malloc_usable_size(blocks[i]);
		size_t right = pattern_check(blocks[i], usable, n * N + i);

		expect_for(right == usable,
			   "byte %zu of a block for %zu changed", right, n);
		free(blocks[i]);
	}
}

static void
every_usable_byte_may_be_written(void)
{
	for (size_t n = 0; n <= 8 * KIB; n++)
		expect_writable(n);
	for_each_size(n, 4 * MIB) expect_writable(n);
}

/* What a size above 16 bytes may lose; below 80 the 16-byte alignment decides. */
static size_t
waste_allowed(size_t usable)
{
	return usable / 5 > ALIGNMENT - 1 ? usable / 5 : ALIGNMENT - 1;
}

static size_t
waste_of(size_t n)
{
	void *p = malloc(hide_size(n));
	size_t usable;

	expect_for(p != NULL, "for %zu bytes", n);
	usable = malloc_usable_size(p);
	free(p);
	expect_for(usable - n <= waste_allowed(usable), "%zu bytes for %zu",
		   usable, n);
	return usable - n;
}

static void
at_most_a_fifth_of_a_block_is_waste(void)
{
	/* 0 and 1 byte need a block too. */
	expect(malloc_usable_size(malloc(hide_size(0))) <= ALIGNMENT);
	for (size_t n = 1; n <= EVERY_SIZE_MAX; n++)
		waste_of(n);
	for_each_size(n, STEPPED_MAX) waste_of(hide_size(n) + (n == 0));
}

/* Each size from 64 bytes on weighs as much as its share of a block: the mean
 * over a row of sizes in which each doubling counts the same. */
static void
a_tenth_of_a_block_is_waste_on_average_at_most(void)
{
	double sum = 0;
	size_t count = 0;

	for (size_t power = 64; power <= 32 * KIB; power *= 2) {
		for (size_t i = 1; i <= 64; i++) {
			size_t n = power + power * i / 64;
			size_t waste = waste_of(n);

			sum += (double)waste / (double)(n + waste);
			count++;
		}
	}
	remark("waste from 64 bytes to 64 KiB: %.1f %% on average\n",
	       100 * sum / (double)count);
	expect_for(sum / (double)count <= 0.10, "%f", sum / (double)count);
}

/* --- refusals -------------------------------------------------------------- */

static const size_t impossible_sizes[] = {
	(size_t)PTRDIFF_MAX + 1,
	(size_t)PTRDIFF_MAX + 4096,
	SIZE_MAX / 2 + SIZE_MAX / 4,
	SIZE_MAX - 2 * MIB,
	SIZE_MAX - 4096,
	SIZE_MAX - 4095,
	SIZE_MAX - 15,
	SIZE_MAX,
	/* Representable, but more than the machine's address space. */
	(size_t)PTRDIFF_MAX,
	(size_t)PTRDIFF_MAX - 4095,
	(size_t)1 << 62,
	(size_t)1 << 48,
};

#define N_IMPOSSIBLE (sizeof impossible_sizes / sizeof impossible_sizes[0])

/* hide: a compiler may believe that an allocation whose block is not used succeeds. */
#define expect_refused(call, n)                                              \
	do {                                                                 \
		errno = 0;                                                   \
		expect_for(hide(call) == NULL, "for %zu bytes", (n));        \
		expect_for(errno == ENOMEM, "errno %d for %zu bytes", errno, \
			   n);                                               \
	} while (0)

static void
impossible_sizes_are_refused_by_malloc_and_calloc(void)
{
	for (size_t i = 0; i < N_IMPOSSIBLE; i++) {
		size_t n = hide_size(impossible_sizes[i]);

		expect_refused(malloc(n), n);
		expect_refused(calloc(n, 1), n);
		expect_refused(calloc(1, n), n);
		expect_refused(calloc(n / 8, 8), n / 8);
	}
}

static void
impossible_sizes_are_refused_by_realloc_and_leave_the_block(void)
{
	static const size_t old_sizes[] = { 1, 100, 5000, 100000, 3000000 };

	for (size_t k = 0; k < sizeof old_sizes / sizeof old_sizes[0]; k++) {
		size_t old = old_sizes[k];
		void *p = malloc(old);

		pattern_fill(p, old, old);
		for (size_t i = 0; i < N_IMPOSSIBLE; i++) {
			size_t n = hide_size(impossible_sizes[i]);

			expect_refused(realloc(hide(p), n), n);
			expect_refused(reallocarray(hide(p), n, 1), n);
			expect_refused(realloc(NULL, n), n);
		}
		expect(pattern_check(p, old, old) == old);
		free(p);
	}
}

static void
impossible_sizes_are_refused_at_every_alignment(void)
{
	for (size_t alignment = 8; alignment <= 64 * MIB; alignment *= 2) {
		for (size_t i = 0; i < N_IMPOSSIBLE; i++) {
			size_t n = hide_size(impossible_sizes[i]);
			void *untouched = &n;

			expect_refused(aligned_alloc(alignment, n), n);
			expect_refused(memalign(alignment, n), n);
			errno = 77;
			expect(posix_memalign(&untouched, alignment, n) ==
			       ENOMEM);
			expect(errno == 77 && untouched == &n);
		}
	}
}

static void
impossible_sizes_are_refused_by_valloc_and_pvalloc(void)
{
	for (size_t i = 0; i < N_IMPOSSIBLE; i++) {
		size_t n = hide_size(impossible_sizes[i]);

		expect_refused(valloc(n), n);
		expect_refused(pvalloc(n), n);
	}
}

static void
a_size_that_one_alignment_would_push_over_the_edge_is_refused(void)
{
	static const size_t alignments[] = { 4096, MIB, (size_t)1 << 40,
					     (size_t)1 << 62 };

	for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
		size_t alignment = hide_size(alignments[i]);
		size_t n = hide_size((size_t)PTRDIFF_MAX - 100);

		expect_refused(aligned_alloc(alignment, n), n);
		expect_refused(memalign(alignment, n), n);
	}
	/* ENOMEM or EINVAL: whether it is an alignment at all is a matter of taste. */
	expect(aligned_alloc(hide_size((size_t)1 << 63), hide_size(1)) == NULL);
	expect(memalign(hide_size((size_t)1 << 63), hide_size(1)) == NULL);
}

static void
memory_can_be_had_after_a_refusal(void)
{
	for (size_t i = 0; i < N_IMPOSSIBLE; i++) {
		void *p;

		expect(malloc(hide_size(impossible_sizes[i])) == NULL);
		p = malloc(hide_size(MIB + i));
		expect(p != NULL);
		memset(p, 1, MIB);
		free(p);
	}
}

/* --- the functions ----------------------------------------------------------- */

static void
every_function_of_the_interface_is_the_library_s(void)
{
	static const char *const names[] = {
		"malloc",         "calloc",
		"realloc",        "free",
		"aligned_alloc",  "posix_memalign",
		"memalign",       "valloc",
		"pvalloc",        "malloc_usable_size",
		"reallocarray",   "cfree",
		"free_sized",     "free_aligned_sized",
		"malloc_trim",    "mallinfo",
		"mallinfo2",      "malloc_info",
		"malloc_stats",   "mallopt",
		"pthread_create", "__libc_malloc",
		"__libc_calloc",  "__libc_realloc",
		"__libc_free",    "__libc_memalign",
		"__libc_valloc",  "__libc_pvalloc",
		"_Znwm",          "_Znam",
		"_ZdlPv",         "_ZdaPv",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		library_function(names[i]);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(every_function_of_the_interface_is_the_library_s),
		CASE(malloc_of_nothing_gives_distinct_blocks),
		CASE(every_block_up_to_64_kib_is_aligned_to_16_bytes),
		CASE(every_larger_block_is_aligned_to_16_bytes),
		CASE(the_usable_size_is_at_least_the_size_asked_for),
		CASE(the_usable_size_of_no_block_is_0),
		CASE(every_usable_byte_may_be_written),
		CASE(at_most_a_fifth_of_a_block_is_waste),
		CASE(a_tenth_of_a_block_is_waste_on_average_at_most),
		CASE(impossible_sizes_are_refused_by_malloc_and_calloc),
		CASE(impossible_sizes_are_refused_by_realloc_and_leave_the_block),
		CASE(impossible_sizes_are_refused_at_every_alignment),
		CASE(impossible_sizes_are_refused_by_valloc_and_pvalloc),
		CASE(a_size_that_one_alignment_would_push_over_the_edge_is_refused),
		CASE(memory_can_be_had_after_a_refusal),
	};

	return RUN_CASES(argc, argv, cases);
}

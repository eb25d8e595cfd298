/*
 * larger_pages.c -- what os.h promises where the kernel's pages are larger than
 * ours: on a double that refuses and rounds as such a kernel does.
 */
#include "os/memory.h"
#include "os/os.h"
#include "os/pages_double.h"
#include "unit.h"

#define RANGE (1 * MIB)

static size_t page;
static char *range;

/* In a process of its own, before the first question for the size. */
static void
begin(size_t bytes)
{
	pages_double_set(bytes);
	page = bytes;
	assert_int_equal(os_page_bytes(), bytes);
	range = os_reserve(RANGE, RANGE);
	assert_non_null(range);
	assert_int_equal((uintptr_t)range % RANGE, 0);
	assert_true(os_commit(range, RANGE));
	memset(range, 7, RANGE);
}

/* --- each with pages of 8, 16, 32 and 64 KiB ---------------------------------- */

static void
a_ragged_purge(void)
{
	assert_false(os_purge(range + PAGE_BYTES, page));
	assert_false(os_purge(range, page - PAGE_BYTES));
	assert_false(os_purge(range, page + PAGE_BYTES));
	assert_true(is_all(range, 7, RANGE));
}

static void
a_whole_purge(void)
{
	assert_true(os_purge(range + page, 2 * page));
	assert_true(is_all(range, 7, page));
	assert_true(is_all(range + page, 0, 2 * page));
	assert_true(is_all(range + 3 * page, 7, RANGE - 3 * page));
}

static void
ragged_vectors(void)
{
	struct os_range r[4] = { { range, page },
				 { range + 2 * page, page },
				 { range + 4 * page, page - PAGE_BYTES },
				 { range + 6 * page, page } };

	assert_int_equal(os_purge_ranges(r, 4), 2);
	assert_true(is_all(range, 0, page));
	assert_true(is_all(range + page, 7, page));
	assert_true(is_all(range + 2 * page, 0, page));
	assert_true(is_all(range + 3 * page, 7, RANGE - 3 * page));
}

static void
a_ragged_commit(void)
{
	assert_true(os_decommit(range, RANGE));
	assert_false(is_readable(range));
	assert_true(os_commit(range + page + PAGE_BYTES, PAGE_BYTES));
	memset(range + page + PAGE_BYTES, 1, PAGE_BYTES);
	assert_true(is_readable(range + page));
	assert_false(is_readable(range + page - 1));
	assert_false(is_readable(range + 2 * page));
}

static void
what_is_in_core(void)
{
	uint64_t bits[IN_CORE_NPAGES_MAX / 64];
	size_t npages = 3 * page / PAGE_BYTES, unit = page / PAGE_BYTES;

	assert_true(os_purge(range, RANGE));
	range[page + PAGE_BYTES] = 1;
	assert_true(os_in_core(range, npages, bits));
	for (size_t i = 0; i < npages; i++)
		assert_int_equal(bits[i / 64] >> i % 64 & 1, i / unit == 1);
	/* From the middle of a page on. */
	assert_true(os_in_core(range + page - PAGE_BYTES, 2, bits));
	assert_int_equal(bits[0] & 3, 2);
	assert_int_equal(os_bytes_in_core(range, RANGE), page);
}

static void
moved_pages(void)
{
	char *to = os_reserve(RANGE, RANGE);

	assert_non_null(to);
	assert_true(os_commit(to, RANGE));
	/* Refused on kernels that cannot; then nothing changed. */
	if (os_move_pages(range, to, RANGE) == OS_MOVED) {
		assert_true(is_all(to, 7, RANGE));
		assert_true(is_all(range, 0, RANGE));
	} else {
		assert_true(is_all(range, 7, RANGE));
	}
	os_release(to, RANGE);
	assert_false(is_readable(to));
}

#define EACH_SIZE(name, f)           \
	static void name##_8k(void)  \
	{                            \
		begin(8 * KIB);      \
		f();                 \
	}                            \
	static void name##_16k(void) \
	{                            \
		begin(16 * KIB);     \
		f();                 \
	}                            \
	static void name##_32k(void) \
	{                            \
		begin(32 * KIB);     \
		f();                 \
	}                            \
	static void name##_64k(void) \
	{                            \
		begin(64 * KIB);     \
		f();                 \
	}

EACH_SIZE(a_purge_of_parts_of_pages_is_refused_and_takes_nothing,
	  a_ragged_purge)
EACH_SIZE(a_purge_of_whole_pages_takes_those_alone, a_whole_purge)
EACH_SIZE(of_many_ranges_those_before_the_first_ragged_one_go, ragged_vectors)
EACH_SIZE(a_commit_is_rounded_outwards, a_ragged_commit)
EACH_SIZE(of_our_pages_all_on_one_of_the_kernels_are_in_core, what_is_in_core)
EACH_SIZE(pages_are_moved_and_released_as_ever, moved_pages)

#define ROWS(name)                                              \
	alone(name##_8k), alone(name##_16k), alone(name##_32k), \
		alone(name##_64k)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROWS(a_purge_of_parts_of_pages_is_refused_and_takes_nothing),
		ROWS(a_purge_of_whole_pages_takes_those_alone),
		ROWS(of_many_ranges_those_before_the_first_ragged_one_go),
		ROWS(a_commit_is_rounded_outwards),
		ROWS(of_our_pages_all_on_one_of_the_kernels_are_in_core),
		ROWS(pages_are_moved_and_released_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

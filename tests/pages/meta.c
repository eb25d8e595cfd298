/*
 * meta.c -- memory for our own records.
 */
#include <inttypes.h>
#include <stdio.h>

#include "faults.h"
#include "pages/meta.h"
#include "unit.h"

/* Powers of two, and half-way between. */
static size_t
size_above(size_t n)
{
	size_t p = META_MIN_BYTES;

	while (p < n && p / 2 * 3 < n)
		p *= 2;
	return p < n ? p / 2 * 3 : p;
}

/* The largest power of two that divides it, up to a page. */
static size_t
alignment_of(size_t size)
{
	return min_size(size & -size, PAGE_BYTES);
}

static void
records_of_all_sizes_are_apart_and_aligned(void)
{
	enum { N = 2000 };
	static char *records[N];
	static size_t sizes[N];
	uint64_t luck = random_seed();

	for (size_t i = 0; i < N; i++) {
		sizes[i] = 1 + random_below(&luck, i % 50 == 0 ? META_MAX_BYTES
							       : 3000);
		records[i] = meta_alloc(sizes[i]);
		assert_non_null(records[i]);
		assert_int_equal((uintptr_t)records[i] %
					 alignment_of(size_above(sizes[i])),
				 0);
		memset(records[i], (int)(i % 251), sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		assert_true(
			is_all(records[i], (unsigned char)(i % 251), sizes[i]));
}

static void
a_freed_record_is_the_next_of_its_size(void)
{
	for (size_t n = 1; n < META_MAX_BYTES; n = size_above(n) + 1) {
		size_t size = size_above(n);
		void *a = meta_alloc(size), *b = meta_alloc(size);

		meta_free(a, size);
		assert_ptr_equal(meta_alloc(n), a);
		meta_free(b, size);
		assert_ptr_equal(meta_alloc(size), b);
	}
}

static void
a_freed_record_does_not_serve_other_sizes(void)
{
	char *a = meta_alloc(1024), *b;

	meta_free(a, 1024);
	b = meta_alloc(512);
	assert_true(b + 512 <= a || b >= a + 1024);
	b = meta_alloc(2048);
	assert_true(b + 2048 <= a || b >= a + 1024);
}

static void
usage_counts_what_was_carved_and_what_is_idle(void)
{
	size_t carved, idle;
	void *r;

	meta_usage(&carved, &idle);
	assert_int_equal(carved, 0);
	assert_int_equal(idle, 0);
	r = meta_alloc(100);
	meta_alloc(4096);
	meta_usage(&carved, &idle);
	assert_int_equal(carved, 128 + 4096);
	assert_int_equal(idle, 0);
	meta_free(r, 100);
	meta_usage(&carved, &idle);
	assert_int_equal(carved, 128 + 4096);
	assert_int_equal(idle, 128);
	meta_alloc(97);
	meta_usage(&carved, &idle);
	assert_int_equal(carved, 128 + 4096);
	assert_int_equal(idle, 0);
}

static size_t
carved_so_far(void)
{
	size_t carved, idle;

	meta_usage(&carved, &idle);
	return carved;
}

static void
a_record_takes_the_least_size_that_holds_it(void)
{
	for (size_t n = 1; n <= META_MAX_BYTES; n += n < 400 ? 1 : n / 7) {
		size_t before = carved_so_far();

		assert_non_null(meta_alloc(n));
		assert_int_equal(carved_so_far() - before, size_above(n));
	}
}

/* --- what lies around them ---------------------------------------------------------- */

/* The rights, as /proc/self/maps has them, of the page at `addr`. */
static bool
page_is(const char *addr, const char *rights)
{
	uintptr_t from, to, at = (uintptr_t)addr;
	char found[5], line[512];
	bool is = false;
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to,
			   found) == 3 &&
		    from <= at && at < to)
			is = strcmp(found, rights) == 0;
	}
	fclose(f);
	return is;
}

static void
nobody_runs_into_records_from_either_side(void)
{
	enum { N = 40 };
	char *first = NULL, *last = NULL;

	/* More than one mapping of them; the first record of one follows the
	 * mapping's own, at its begin. */
	for (unsigned i = 0; i < N; i++) {
		char *p = meta_alloc(META_MAX_BYTES);

		assert_non_null(p);
		assert_true(page_is(p, "rw-p"));
		if (first == NULL || p < first)
			first = p;
		if (last == NULL || p > last)
			last = p;
	}
	while (page_is(first, "rw-p"))
		first -= PAGE_BYTES;
	while (page_is(last, "rw-p"))
		last += PAGE_BYTES;
	assert_true(page_is(first, "---p"));
	assert_true(page_is(last, "---p"));
}

/* --- a kernel that gives no more -------------------------------------------------- */

/* Uses up what is mapped, and lets no more be mapped. */
static void
use_up(size_t bytes)
{
	fault_for_good(OS_CALL_MAP, 2);
	while (meta_alloc(bytes) != NULL)
		continue;
	while (meta_alloc(META_MIN_BYTES) != NULL)
		continue;
	/* Of the sizes half-way, the rest is less than the least of them. */
	assert_null(meta_alloc(META_MIN_BYTES / 2 * 3));
}

/* One record is freed, and serves n small ones: those of its own kind. */
static void
check_split(size_t large, size_t small)
{
	size_t n = 0, carved, idle;
	char *at = meta_alloc(large), *p;

	assert_non_null(at);
	use_up(large);
	meta_free(at, large);
	for (; (p = meta_alloc(small)) != NULL; n++) {
		assert_true(p >= at && p + small <= at + large);
		assert_int_equal((uintptr_t)p % alignment_of(small), 0);
		/* Nobody else has it. */
		assert_true(n == 0 || p[0] != 'x');
		memset(p, 'x', small);
	}
	assert_int_equal(n, large / small);
	meta_usage(&carved, &idle);
	assert_int_equal(idle, 0);
}

static void
a_large_record_serves_the_smallest(void)
{
	check_split(META_MAX_BYTES, META_MIN_BYTES);
}

static void
a_record_serves_two_of_half_its_size(void)
{
	check_split(1024, 512);
}

static void
records_of_sizes_half_way_serve_their_like(void)
{
	check_split(META_MAX_BYTES / 4 * 3, META_MIN_BYTES / 2 * 3);
}

static void
what_a_split_left_over_serves_other_sizes(void)
{
	char *at = meta_alloc(4096), *p;

	use_up(4096);
	meta_free(at, 4096);
	p = meta_alloc(512);
	assert_non_null(p);
	assert_non_null(meta_alloc(2048));
	assert_non_null(meta_alloc(1024));
	assert_non_null(meta_alloc(512));
	assert_null(meta_alloc(64));
	meta_free(p, 512);
	assert_ptr_equal(meta_alloc(512), p);
}

static void
without_memory_there_is_no_record_and_later_there_is(void)
{
	fault_once(OS_CALL_MAP, 1);
	assert_null(meta_alloc(64));
	assert_non_null(meta_alloc(64));
}

static void
a_mapping_that_is_used_up_is_followed_by_another(void)
{
	size_t n = 0;

	fault_for_good(OS_CALL_MAP, 3);
	while (meta_alloc(META_MAX_BYTES) != NULL)
		n++;
	assert_int_equal(faults_count(OS_CALL_MAP), 3);
	/* Its first record is the library's own note of the mapping. */
	assert_int_equal(n, 2 * (1 * MIB / META_MAX_BYTES - 1));
	/* What was there still works. */
	faults_none();
	assert_non_null(meta_alloc(META_MAX_BYTES));
}

static void
do_alloc_too_large(void)
{
	meta_alloc(META_MAX_BYTES + 1);
}

static void
a_record_above_the_largest_size_is_our_bug(void **state)
{
	(void)state;
	expect_death(do_alloc_too_large, "invariant broken");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(records_of_all_sizes_are_apart_and_aligned),
		alone(a_freed_record_is_the_next_of_its_size),
		alone(a_freed_record_does_not_serve_other_sizes),
		alone(usage_counts_what_was_carved_and_what_is_idle),
		alone(a_record_takes_the_least_size_that_holds_it),
		alone(nobody_runs_into_records_from_either_side),
		alone(a_large_record_serves_the_smallest),
		alone(a_record_serves_two_of_half_its_size),
		alone(records_of_sizes_half_way_serve_their_like),
		alone(what_a_split_left_over_serves_other_sizes),
		alone(without_memory_there_is_no_record_and_later_there_is),
		alone(a_mapping_that_is_used_up_is_followed_by_another),
		cmocka_unit_test(a_record_above_the_largest_size_is_our_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * huge_pages.c -- what the kernel does with huge pages, and what is resident.
 */
#include "os/memory.h"
#include "os/tree.h"

#define ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define SMAPS   "/proc/self/smaps"

#define HUGE_BYTES (2 * MIB)

/* --- the system's setting ------------------------------------------------------ */

static void
huge_pages_are_made_by_default_where_the_system_always_does(void **state)
{
	(void)state;
	tree_put(ENABLED, "[always] madvise never\n");
	assert_true(os_huge_by_default());
	tree_put(ENABLED, "always [madvise] never\n");
	assert_false(os_huge_by_default());
	tree_put(ENABLED, "always madvise [never]\n");
	assert_false(os_huge_by_default());
	/* It may change at any time. */
	tree_put(ENABLED, "[always] madvise never\n");
	assert_true(os_huge_by_default());
}

static void
a_kernel_without_huge_pages_makes_none(void **state)
{
	(void)state;
	assert_false(os_huge_by_default());
	tree_put(ENABLED, "");
	assert_false(os_huge_by_default());
}

/* --- what is resident, as smaps says it ------------------------------------------ */

static struct os_residence
residence(uintptr_t from, size_t bytes)
{
	struct os_residence r = { 1, 1 };

	assert_true(os_residence((void *)from, bytes, &r));
	return r;
}

static const char smaps[] = "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \n"
			    "Size:               2048 kB\n"
			    "KernelPageSize:        4 kB\n"
			    "Rss:                 100 kB\n"
			    "Pss:                  50 kB\n"
			    "AnonHugePages:         0 kB\n"
			    "VmFlags: rd wr mr mw me ac \n"
			    "7f0000200000-7f0000400000 rw-p 00000000 00:00 0 \n"
			    "Size:               2048 kB\n"
			    "Rss:                2048 kB\n"
			    "AnonHugePages:      2048 kB\n"
			    "7f0000400000-7f0000600000 r--p 00000000 08:01 5 "
			    "/usr/lib/feed beef.so\n"
			    "Rss:                  12 kB\n"
			    "AnonHugePages:         0 kB\n";

static void
the_mappings_within_a_range_are_added_up(void **state)
{
	const uintptr_t at = 0x7f0000000000;

	(void)state;
	tree_put(SMAPS, smaps);
	assert_int_equal(residence(at, 6 * MIB).resident, 2160 * KIB);
	assert_int_equal(residence(at, 6 * MIB).huge, 2 * MIB);
	assert_int_equal(residence(at, 2 * MIB).resident, 100 * KIB);
	assert_int_equal(residence(at, 2 * MIB).huge, 0);
	assert_int_equal(residence(at + 2 * MIB, 2 * MIB).resident, 2 * MIB);
	assert_int_equal(residence(at + 4 * MIB, 2 * MIB).resident, 12 * KIB);
	assert_int_equal(residence(0, SIZE_MAX).resident, 2160 * KIB);
}

/* Whose they are is not known. */
static void
mappings_that_reach_over_the_range_do_not_count(void **state)
{
	const uintptr_t at = 0x7f0000000000;

	(void)state;
	tree_put(SMAPS, smaps);
	assert_int_equal(residence(at, 2 * MIB - PAGE_BYTES).resident, 0);
	assert_int_equal(
		residence(at + PAGE_BYTES, 4 * MIB - PAGE_BYTES).resident,
		2 * MIB);
	assert_int_equal(residence(at + 8 * MIB, 2 * MIB).resident, 0);
	assert_int_equal(residence(at - 2 * MIB, 2 * MIB).resident, 0);
}

static void
without_smaps_nothing_is_known(void **state)
{
	struct os_residence r;

	(void)state;
	assert_false(os_residence(NULL, SIZE_MAX, &r));
}

/* --- and as it is -------------------------------------------------------------------- */

/* Guarded on both sides, or the kernel would join it with its neighbours. */
static char *
guarded_map(size_t bytes)
{
	char *p = os_reserve(bytes + 2 * HUGE_BYTES, HUGE_BYTES);

	assert_non_null(p);
	p += HUGE_BYTES;
	assert_true(os_commit(p, bytes));
	assert_true(os_advise_huge(p, bytes, false));
	return p;
}

static void
expect_residence(char *p, size_t npages)
{
	size_t bytes = npages * PAGE_BYTES, seen = 0;
	struct os_residence r;

	for (size_t i = 0; i < npages; i += 512)
		seen += resident_pages(p + i * PAGE_BYTES, 512);
	assert_true(os_residence(p, bytes, &r));
	assert_int_equal(r.resident, seen * PAGE_BYTES);
	assert_int_equal(r.huge, 0);
}

static void
residence_agrees_with_mincore(void **state)
{
	char *p = guarded_map(4 * MIB);

	(void)state;
	expect_residence(p, 1024);
	for (size_t i = 0; i < 1024; i += 3)
		p[i * PAGE_BYTES] = 1;
	expect_residence(p, 1024);
	/* In several mappings, one of them without access. */
	assert_true(os_decommit(p + 1 * MIB, 1 * MIB));
	expect_residence(p, 1024);
	assert_true(os_purge(p + 2 * MIB, 64 * KIB));
	expect_residence(p, 1024);
	os_release(p - HUGE_BYTES, 4 * MIB + 2 * HUGE_BYTES);
}

/* --- advice ---------------------------------------------------------------------------- */

/* The letters of a mapping's VmFlags; "hg" and "nh" are about huge pages. */
static bool
has_flag(const char *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool is_here = false, has = false;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_here = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(f);
	return has;
}

static void
advice_is_heard_and_a_new_mapping_forgets_it(void **state)
{
	char *p = os_reserve(3 * HUGE_BYTES, HUGE_BYTES);

	(void)state;
	assert_true(os_commit(p, 3 * HUGE_BYTES));
	if (!os_advise_huge(p + HUGE_BYTES, HUGE_BYTES, true)) {
		print_message("# this kernel has no huge pages\n");
		return;
	}
	assert_true(has_flag(p + HUGE_BYTES, " hg"));
	assert_false(has_flag(p, " hg"));
	assert_false(has_flag(p + 2 * HUGE_BYTES, " hg"));
	assert_true(os_advise_huge(p + HUGE_BYTES, HUGE_BYTES, false));
	assert_true(has_flag(p + HUGE_BYTES, " nh"));
	assert_false(has_flag(p + HUGE_BYTES, " hg"));
	assert_true(os_decommit(p + HUGE_BYTES, HUGE_BYTES));
	assert_true(os_commit(p + HUGE_BYTES, HUGE_BYTES));
	assert_false(has_flag(p + HUGE_BYTES, " nh"));
	assert_false(has_flag(p + HUGE_BYTES, " hg"));
	os_release(p, 3 * HUGE_BYTES);
}

/* What lies beside it is somebody's. */
static void
a_split_is_of_whole_pages_or_refused(void **state)
{
	char *p = guarded_map(HUGE_BYTES);

	(void)state;
	memset(p, 7, 2 * PAGE_BYTES);
	assert_false(os_split_huge(p, PAGE_BYTES + 1));
	assert_false(os_split_huge(p + 1, PAGE_BYTES));
	assert_int_equal(p[PAGE_BYTES], 7);
	assert_true(os_split_huge(p, os_page_bytes()));
	assert_true(os_purge(p, os_page_bytes()));
	assert_int_equal(p[0], 0);
	os_release(p - HUGE_BYTES, 3 * HUGE_BYTES);
}

static void
advice_about_what_is_not_mapped_is_refused(void **state)
{
	char *p = os_reserve(HUGE_BYTES, HUGE_BYTES);

	(void)state;
	os_release(p, HUGE_BYTES);
	assert_false(os_advise_huge(p, HUGE_BYTES, true));
	assert_false(os_advise_huge(p, HUGE_BYTES, false));
}

/* Where the machine makes any: as smaps counts them, and as we do. */
static void
huge_pages_are_resident_as_such(void **state)
{
	char *p = os_reserve(3 * HUGE_BYTES, HUGE_BYTES);
	struct os_residence r;

	(void)state;
	assert_true(os_commit(p + HUGE_BYTES, HUGE_BYTES));
	if (!os_advise_huge(p + HUGE_BYTES, HUGE_BYTES, true))
		return;
	p[HUGE_BYTES] = 1;
	assert_true(os_residence(p, 3 * HUGE_BYTES, &r));
	print_message("# one byte written: %zu KiB resident, %zu KiB huge\n",
		      r.resident / KIB, r.huge / KIB);
	assert_true(r.huge == 0 || r.huge == HUGE_BYTES);
	assert_true(r.resident == (r.huge ? HUGE_BYTES : PAGE_BYTES));
	os_release(p, 3 * HUGE_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_tree(huge_pages_are_made_by_default_where_the_system_always_does),
		in_tree(a_kernel_without_huge_pages_makes_none),
		in_tree(the_mappings_within_a_range_are_added_up),
		in_tree(mappings_that_reach_over_the_range_do_not_count),
		in_tree(without_smaps_nothing_is_known),
		cmocka_unit_test(residence_agrees_with_mincore),
		cmocka_unit_test(advice_is_heard_and_a_new_mapping_forgets_it),
		cmocka_unit_test(a_split_is_of_whole_pages_or_refused),
		cmocka_unit_test(advice_about_what_is_not_mapped_is_refused),
		cmocka_unit_test(huge_pages_are_resident_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

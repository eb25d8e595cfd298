/*
 * bin_held.c -- what happens to slabs while they are held by a purge, which no
 * lock guards, and what the kernel refuses.
 */
#include "faults.h"
#include "heap/purges.h"

/* --- a kernel that refuses ---------------------------------------------------------- */

static uint16_t
last_pages(const struct slab *s, size_t from)
{
	uint16_t pages = 0;

	for (size_t i = from; i < nlast; i++) {
		size_t page = (size_t)((char *)last[i].addr - s->base) >>
			      PAGE_SHIFT;

		if (slab_find(last[i].addr) == s)
			pages |= (uint16_t)(((1u << (last[i].bytes >>
						     PAGE_SHIFT)) -
					     1)
					    << page);
	}
	return pages;
}

/* Three slabs with three, one and two ranges to purge. */
static void
drop_ranges(void)
{
	drop_pages(0, 0, 2);
	drop_pages(0, 5, 1);
	drop_pages(0, 14, 2);
	drop_pages(1, 0, 15);
	drop_pages(2, 3, 4);
	drop_pages(2, 9, 3);
}

static void
expect_refused(size_t i, uint16_t wanted)
{
	struct slab *s = slab_of(i);
	uint16_t refused = last_pages(s, ntakes);

	assert_int_equal(last_pages(s, 0), wanted);
	assert_int_equal(s->away, wanted & ~refused);
	assert_false(s->is_held);
	check_away(s);
}

static void
check_refusal(size_t n)
{
	ntakes = n;
	begin(3);
	drop_ranges();
	purge(0);
	assert_int_equal(nlast, 6);
	expect_refused(0, 0xc023);
	expect_refused(1, 0x7fff);
	expect_refused(2, 0x0e78);
	check_bin(&bin, 3 * NSLOTS - 27 * PER_PAGE);
	assert_int_equal(stats.npages, bin.naway);
	ntakes = SIZE_MAX;
	/* The slots of all kinds are there, and nothing is lost. */
	fill(&bin, blocks + 3 * NSLOTS, 27 * PER_PAGE);
	assert_int_equal(bin.nslabs, 3);
	check_bin(&bin, 3 * NSLOTS);
}

#define REFUSAL(n)                         \
	static void refusal_from_##n(void) \
	{                                  \
		check_refusal(n);          \
	}
REFUSAL(0)
REFUSAL(1)
REFUSAL(2)
REFUSAL(3)
REFUSAL(4)
REFUSAL(5)
REFUSAL(6)

static void
what_the_kernel_refuses_is_resident_and_nothing_else(void **state)
{
	static void (*const refusals[])(void) = {
		refusal_from_0, refusal_from_1, refusal_from_2, refusal_from_3,
		refusal_from_4, refusal_from_5, refusal_from_6,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		assert_int_equal(child_status(refusals[i]), 0);
}

/* By the calls themselves; the first may be one for all ranges. */
static void
a_purge_call_that_fails_is_counted_and_reveals(void)
{
	begin(3);
	for (unsigned k = 1; k < 12; k++) {
		struct purge_stats now = { 0 };

		drop_ranges();
		fault_for_good(OS_CALL_PURGE, k);
		bin_purge(&bin, 0, &now);
		faults_none();
		assert_int_equal(now.npages, bin.naway);
		assert_int_equal(now.nranges + now.nfailed, 6);
		for (size_t i = 0; i < 3; i++)
			check_away(slab_of(i));
		check_bin(&bin, 3 * NSLOTS - 27 * PER_PAGE);
		/* All of them anew, so that the next round finds them full. */
		fill(&bin, blocks + 3 * NSLOTS, 27 * PER_PAGE);
		for (size_t i = 0; i < 3 * NSLOTS + 27 * PER_PAGE; i++)
			sign(blocks[i]);
		assert_int_equal(bin.naway, 0);
		assert_int_equal(bin.nslabs, 3);
	}
}

/* --- while a slab is held -------------------------------------------------------------- */

static void
take_while_held(void)
{
	void *p;

	meanwhile = NULL;
	assert_true(slab_of(0)->is_held);
	assert_int_equal(check_bin(&bin, bin.nused), 1);
	fill(&bin, &p, 1);
	assert_ptr_not_equal(slab_find(p), slab_of(0));
	assert_int_equal(bin.nslabs, 2);
	sign(p);
	blocks[NSLOTS] = p;
}

/* Its page may be the kernel's already: a new slab is made instead. */
static void
nothing_of_a_held_slab_is_revealed(void)
{
	begin(1);
	drop_pages(0, 2, 3);
	meanwhile = take_while_held;
	assert_int_equal(purge(0), 3);
	expect_signed(blocks[NSLOTS]);
	check_bin(&bin, NSLOTS - 3 * PER_PAGE + 1);
	/* Afterwards it is, when the new one is used up. */
	fill(&bin, blocks + NSLOTS, NSLOTS - 1);
	assert_int_equal(bin.nrefaults, 0);
	take_one_of(0);
	assert_int_equal(bin.nrefaults, 1);
	assert_int_equal(bin.nslabs, 2);
}

static void
put_and_take_while_held(void)
{
	void *p[3];

	meanwhile = NULL;
	/* Slots 0 and 1 are free, and slots of pages 4 to 6 are hidden. */
	fill(&bin, p, 2);
	assert_ptr_equal(p[0], blocks[0]);
	assert_ptr_equal(p[1], blocks[1]);
	sign(p[0]);
	sign(p[1]);
	check_bin(&bin, bin.nused);
	drop(62, 1);
	assert_true(slab_of(0)->is_young);
	check_bin(&bin, bin.nused);
	fill(&bin, p, 1);
	assert_ptr_equal(p[0], blocks[62]);
	sign(p[0]);
	drop(63, 1);
}

static void
visible_slots_of_a_held_slab_are_put_and_taken(void)
{
	begin(1);
	drop(0, 2);
	drop_pages(0, 4, 3);
	meanwhile = put_and_take_while_held;
	assert_int_equal(purge(0), 3);
	assert_int_equal(slab_of(0)->away, 7 << 4);
	assert_int_equal(slab_of(0)->nfree, 1);
	check_bin(&bin, NSLOTS - 3 * PER_PAGE - 1);
	for (size_t i = 0; i < 63; i++) {
		if (i < 16 || i >= 28)
			expect_signed(blocks[i]);
	}
}

/* What was put meanwhile is not purged, and what is taken keeps its contents. */
static void
free_a_page_while_held(void)
{
	meanwhile = NULL;
	drop_pages(0, 8, 1);
	assert_int_equal(slab_of(0)->away, 1 << 4);
}

static void
a_page_that_runs_free_meanwhile_waits_for_the_next_purge(void)
{
	begin(1);
	drop_pages(0, 4, 1);
	meanwhile = free_a_page_while_held;
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 4);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 4 | 1 << 8);
}

static void
empty_while_held(void)
{
	size_t nslabs = bin.nslabs;

	meanwhile = NULL;
	drop(PER_PAGE, NSLOTS - PER_PAGE);
	assert_true(slab_is_empty(slab_of(0)));
	assert_int_equal(bin.nslabs, nslabs);
	check_bin(&bin, NSLOTS * 2);
	/* Not among the empty ones, for those may be retired. */
	assert_int_equal(bin.nempty, 0);
	bin_trim(&bin, false);
	assert_ptr_equal(slab_find(blocks[0]), slab_of(0));
}

static void
a_held_slab_that_runs_empty_is_retired_afterwards(void)
{
	char *base;

	begin(3);
	base = slab_of(0)->base;
	drop_pages(0, 0, 1);
	meanwhile = empty_while_held;
	assert_int_equal(purge(0), 1);
	assert_null(slab_find(base));
	assert_int_equal(bin.nslabs, 2);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(heap.nused, 2 * SLAB_NPAGES);
	/* The page that went is clean. */
	assert_int_equal(pageheap_ndirty(&heap), SLAB_NPAGES - 1);
	check_bin(&bin, 2 * NSLOTS);
}

static void
a_held_slab_that_runs_empty_and_loses_no_page_is_kept(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	meanwhile = empty_while_held;
	ntakes = 0;
	assert_int_equal(purge(0), 0);
	assert_int_equal(bin.nempty, 1);
	assert_int_equal(bin.nslabs, 3);
	assert_int_equal(slab_of(0)->away, 0);
	check_bin(&bin, 2 * NSLOTS);
}

static void
empty_and_take_while_held(void)
{
	empty_while_held();
	fill(&bin, blocks + 3 * NSLOTS, 5);
	for (size_t i = 0; i < 5; i++)
		sign(blocks[3 * NSLOTS + i]);
}

static void
a_held_slab_that_was_empty_in_between_stays(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	meanwhile = empty_and_take_while_held;
	assert_int_equal(purge(0), 1);
	assert_int_equal(bin.nslabs, 3);
	assert_int_equal(slab_of(0)->away, 1);
	for (size_t i = 0; i < 5; i++) {
		expect_signed(blocks[3 * NSLOTS + i]);
		assert_ptr_equal(slab_find(blocks[3 * NSLOTS + i]), slab_of(0));
	}
	check_bin(&bin, 2 * NSLOTS + 5);
}

/* --- the end ----------------------------------------------------------------------------- */

static void
a_slab_with_pages_away_that_runs_empty_is_retired_at_once(void)
{
	begin(3);
	drop_pages(0, 0, 1);
	purge(0);
	drop(PER_PAGE, NSLOTS - PER_PAGE);
	assert_int_equal(bin.nslabs, 2);
	assert_int_equal(bin.nempty, 0);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(pageheap_ndirty(&heap), SLAB_NPAGES - 1);
	check_bin(&bin, 2 * NSLOTS);
}

static void
do_flush_hidden(void)
{
	begin(1);
	drop_pages(0, 3, 1);
	purge(0);
	bin_flush(&blocks[3 * PER_PAGE], 1);
}

static void
flush_hidden_while_held(void)
{
	bin_flush(&blocks[3 * PER_PAGE], 1);
}

static void
do_flush_held(void)
{
	begin(1);
	drop_pages(0, 3, 1);
	meanwhile = flush_hidden_while_held;
	purge(0);
}

static void
a_block_whose_page_is_away_cannot_be_freed(void **state)
{
	(void)state;
	expect_death(do_flush_hidden,
		     " was freed twice, and its second free came");
	expect_death(do_flush_held,
		     " was freed twice, and its second free came");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_the_kernel_refuses_is_resident_and_nothing_else),
		alone(a_purge_call_that_fails_is_counted_and_reveals),
		alone(nothing_of_a_held_slab_is_revealed),
		alone(visible_slots_of_a_held_slab_are_put_and_taken),
		alone(a_page_that_runs_free_meanwhile_waits_for_the_next_purge),
		alone(a_held_slab_that_runs_empty_is_retired_afterwards),
		alone(a_held_slab_that_runs_empty_and_loses_no_page_is_kept),
		alone(a_held_slab_that_was_empty_in_between_stays),
		alone(a_slab_with_pages_away_that_runs_empty_is_retired_at_once),
		cmocka_unit_test(a_block_whose_page_is_away_cannot_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * bin_purge.c -- a bin gives the pages of quiet slabs back: when, of which
 * slabs, and in which order slots are taken afterwards.
 */
#include "heap/purges.h"
#include "pages/bell.h"

/* --- when ------------------------------------------------------------------------ */

static void
pages_go_when_nothing_was_taken_for_so_many_ticks(void)
{
	begin(10);
	for (unsigned quiet = 0; quiet < 10; quiet++) {
		drop_pages(quiet, 3, 2);
		for (unsigned i = 1; i < quiet; i++)
			assert_int_equal(purge(quiet), 0);
		assert_int_equal(purge(quiet), 2);
		assert_int_equal(slab_of(quiet)->away, 3 << 3);
		check_away(slab_of(quiet));
	}
	assert_int_equal(bin.nyoung, 0);
}

static void
a_take_makes_the_wait_begin_anew(void)
{
	void *p;

	begin(1);
	drop_pages(0, 0, 2);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 0);
	fill(&bin, &p, 1);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 0);
	assert_int_equal(purge(3), 1);
	assert_int_equal(slab_of(0)->away, 1 << 1);
}

static void
a_put_does_not_make_it_longer(void)
{
	begin(1);
	drop_pages(0, 0, 1);
	assert_int_equal(purge(3), 0);
	drop_pages(0, 1, 1);
	assert_int_equal(purge(3), 0);
	drop_pages(0, 2, 1);
	assert_int_equal(purge(3), 3);
}

static void
a_page_with_a_used_slot_stays(void)
{
	begin(1);
	for (size_t i = 0; i < NSLOTS; i++) {
		if (i % PER_PAGE != 2)
			drop(i, 1);
	}
	assert_int_equal(purge(0), 0);
	drop(7 * PER_PAGE + 2, 1);
	assert_int_equal(purge(0), 1);
	assert_int_equal(slab_of(0)->away, 1 << 7);
}

/* --- what is looked at ------------------------------------------------------------- */

static void
what_was_looked_at_is_of_no_interest_until_something_is_put(void)
{
	begin(3);
	assert_int_equal(bin.nyoung, 0);
	drop(0, 3);
	drop(NSLOTS, 3);
	drop(NSLOTS + 3, 3);
	assert_int_equal(bin.nyoung, 2);
	assert_int_equal(bin_purge(&bin, 2, &stats).nyoung, 2);
	assert_int_equal(bin_purge(&bin, 2, &stats).nyoung, 0);
	assert_int_equal(slab_of(1)->away, 1);
	ncalls = 0;
	assert_int_equal(purge(0), 0);
	assert_int_equal(ncalls, 0);
	drop(3, 1);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(1), 1);
	check_bin(&bin, 3 * NSLOTS - 10);
}

static void
full_slabs_are_looked_at_once(void)
{
	void *p;

	begin(1);
	drop(5, 1);
	fill(&bin, &p, 1);
	assert_ptr_equal(p, blocks[5]);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(bin_purge(&bin, 5, &stats).nyoung, 0);
	check_bin(&bin, NSLOTS);
}

/* They go as wholes, by bin_trim. */
static void
empty_slabs_keep_their_pages(void)
{
	begin(3);
	drop(0, NSLOTS);
	assert_int_equal(bin.nempty, 1);
	assert_int_equal(purge(0), 0);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(slab_of(0)->away, 0);
	check_bin(&bin, 2 * NSLOTS);
}

/* Of a slab's pages those that nobody takes stay resident otherwise. */
static void
a_slab_that_begins_on_dirty_pages_is_looked_at(void)
{
	begin(1);
	assert_int_equal(bin.nyoung, 0);
	drop(0, NSLOTS);
	bin_trim(&bin, false);
	assert_int_equal(bin.nslabs, 0);
	assert_int_equal(pagepool_ndirty(), SLAB_NPAGES);
	fill(&bin, blocks, 3);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(2), 0);
	assert_int_equal(purge(2), SLAB_NPAGES - 1);
	assert_int_equal(resident_pages(slab_of(0)->base, SLAB_NPAGES), 1);
	check_bin(&bin, 3);
}

static void
a_slab_that_begins_on_fresh_pages_is_not(void)
{
	void *p;

	cls = size_class(SIZE);
	fill(&bin, &p, 1);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(purge(0), 0);
}

static void
an_empty_slab_that_is_taken_from_is_looked_at_again(void)
{
	begin(4);
	drop(0, NSLOTS);
	assert_int_equal(bin.nempty, 1);
	purge(0);
	assert_int_equal(bin.nyoung, 0);
	fill(&bin, blocks, 1);
	assert_int_equal(bin.nempty, 0);
	assert_int_equal(bin.nyoung, 1);
	assert_int_equal(purge(2), 0);
	assert_int_equal(purge(2), SLAB_NPAGES - 1);
	check_bin(&bin, 3 * NSLOTS + 1);
}

static void
young_slabs_are_counted_over_all_bins(void)
{
	void *p[NSLOTS];

	assert_int_equal(bin_nyoung(), 0);
	begin(3);
	fill(&other, p, NSLOTS);
	drop(0, 1);
	drop(NSLOTS, NSLOTS);
	assert_int_equal(bin_nyoung(), 2);
	bin_flush(p, 1);
	assert_int_equal(bin_nyoung(), 3);
	/* Retired: young no more. */
	bin_trim(&bin, false);
	assert_int_equal(bin_nyoung(), 2);
	assert_int_equal(purge(2), 0);
	assert_int_equal(bin_nyoung(), 2);
	assert_int_equal(purge(1), 0);
	assert_int_equal(bin_nyoung(), 1);
	bin_purge(&other, 0, &stats);
	assert_int_equal(bin_nyoung(), 0);
}

/* More than are claimed in one go, and more than are looked at under a lock. */
static void
one_call_serves_all_young_slabs(void)
{
	begin(200);
	for (size_t i = 0; i < 200; i++)
		drop_pages(i, (unsigned)(i % 16), 1);
	assert_int_equal(purge(2), 0);
	assert_int_equal(bin.nyoung, 200);
	assert_int_equal(purge(2), 200);
	assert_int_equal(bin.nyoung, 0);
	assert_int_equal(stats.npages, 200);
	assert_int_equal(stats.nranges, 200);
	assert_int_equal(stats.nfailed, 0);
	/* In batches, not one by one. */
	assert_in_range(ncalls, 1, 20);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(slab_of(i)->away, 1 << i % 16);
}

static size_t at;

static void
make_another_young(void)
{
	drop_pages(++at, 1, 2);
}

/* It looks at no more slabs than were young when it began. */
static void
a_call_ends_while_others_make_slabs_young(void)
{
	begin(100);
	for (at = 0; at < 20; at++)
		drop_pages(at, 1, 2);
	meanwhile = make_another_young;
	assert_in_range(purge(0), 40, 60);
	meanwhile = NULL;
	assert_in_range(bin.nyoung, 1, ncalls);
	purge(0);
	assert_int_equal(bin.nyoung, 0);
	check_bin(&bin, 100 * NSLOTS - (at + 1 - 1) * 2 * PER_PAGE);
}

/* --- in which order slots are taken ------------------------------------------------ */

/*
 * Slabs 0 and 1 with visible slots, 2 empty, 3 and 4 with hidden slots alone:
 * of each kind the fuller one comes first, whatever was put last.
 */
static void
visible_slots_come_first_then_empty_slabs_then_hidden_slots(void)
{
	begin(6);
	drop_pages(3, 0, 6);
	drop_pages(4, 4, 1);
	assert_int_equal(purge(0), 7);
	drop(0, 40);
	drop(NSLOTS, 3);
	drop(2 * NSLOTS, NSLOTS);
	for (unsigned i = 0; i < 3; i++)
		take_one_of(1);
	for (unsigned i = 0; i < 40; i++)
		take_one_of(0);
	for (unsigned i = 0; i < NSLOTS; i++)
		take_one_of(2);
	assert_int_equal(bin.nrefaults, 0);
	for (unsigned i = 0; i < PER_PAGE; i++)
		take_one_of(4);
	assert_int_equal(bin.nrefaults, 1);
	for (unsigned i = 0; i < 6 * PER_PAGE; i++)
		take_one_of(3);
	assert_int_equal(bin.nrefaults, 7);
	assert_int_equal(bin.naway, 0);
	assert_int_equal(bin.nslabs, 6);
	fill(&bin, blocks, 1);
	assert_int_equal(bin.nslabs, 7);
	check_bin(&bin, 6 * NSLOTS + 1);
}

static void
one_fill_may_take_of_all_kinds(void)
{
	static void *out[NSLOTS + 14];

	begin(3);
	drop_pages(0, 0, 2);
	purge(0);
	drop(NSLOTS, 6);
	drop(2 * NSLOTS, NSLOTS);
	assert_int_equal(bin_fill(&bin, &heap, cls, out, COUNT_OF(out)),
			 COUNT_OF(out));
	assert_ptr_equal(slab_find(out[5]), slab_of(1));
	assert_ptr_equal(slab_find(out[6]), slab_of(2));
	assert_ptr_equal(slab_find(out[6 + NSLOTS]), slab_of(0));
	assert_int_equal(bin.nslabs, 3);
	check_bin(&bin, 3 * NSLOTS);
}

/* A page is asked for when its slots are, and no earlier. */
static void
pages_come_back_one_at_a_time(void)
{
	void *out[8 * PER_PAGE];

	begin(1);
	drop_pages(0, 4, 8);
	purge(0);
	for (size_t i = 0; i < COUNT_OF(out); i++) {
		assert_int_equal(bin.naway, 8 - (i + 3) / 4);
		fill(&bin, &out[i], 1);
		assert_true(is_all(out[i], 0, SIZE));
		sign(out[i]);
	}
	assert_int_equal(bin.nrefaults, 8);
	assert_int_equal(bin_purge(&bin, 0, &stats).nrefaults, 8);
	check_bin(&bin, NSLOTS);
}

/* As fresh page runs are: a memory limit may be near. */
static void
pages_that_come_back_are_spent_of_the_budget(void)
{
	void *p[9];

	begin(1);
	drop_pages(0, 4, 8);
	purge(0);
	bell_allow(2);
	fill(&bin, p, 4);
	assert_int_equal(atomic_load(&bell_budget), 1);
	fill(&bin, p + 4, 4);
	assert_int_equal(atomic_load(&bell_budget), 0);
	/* Overdrawn: who sets budgets is woken, and naps no longer. */
	fill(&bin, p + 8, 1);
	assert_true(bell_is_spent());
	bell_nap(UINT64_C(86400) * 1000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(pages_go_when_nothing_was_taken_for_so_many_ticks),
		alone(a_take_makes_the_wait_begin_anew),
		alone(a_put_does_not_make_it_longer),
		alone(a_page_with_a_used_slot_stays),
		alone(what_was_looked_at_is_of_no_interest_until_something_is_put),
		alone(full_slabs_are_looked_at_once),
		alone(empty_slabs_keep_their_pages),
		alone(a_slab_that_begins_on_dirty_pages_is_looked_at),
		alone(a_slab_that_begins_on_fresh_pages_is_not),
		alone(an_empty_slab_that_is_taken_from_is_looked_at_again),
		alone(young_slabs_are_counted_over_all_bins),
		alone(one_call_serves_all_young_slabs),
		alone(a_call_ends_while_others_make_slabs_young),
		alone(visible_slots_come_first_then_empty_slabs_then_hidden_slots),
		alone(one_fill_may_take_of_all_kinds),
		alone(pages_come_back_one_at_a_time),
		alone(pages_that_come_back_are_spent_of_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

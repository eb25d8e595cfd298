/*
 * pageheap_counts.c -- what a page heap tells those who give memory back: the
 * demand, refaults, fresh pages, and which parts of a run are dirty.
 */
#include "pages/bell.h"
#include "pages/pageheap.h"
#include "unit.h"

static struct pageheap heap, other;

static char *
take_aligned(struct pageheap *ph, size_t npages, size_t align_pages)
{
	bool is_zero;
	char *p = pageheap_alloc(ph, npages, align_pages, &is_zero);

	assert_non_null(p);
	assert_ptr_equal(pageheap_of(p), ph);
	assert_int_equal((uintptr_t)p % (align_pages * PAGE_BYTES), 0);
	return p;
}

static char *
take(struct pageheap *ph, size_t npages)
{
	return take_aligned(ph, npages, 1);
}

static size_t
pooled(void)
{
	struct pagepool_stats s;

	pagepool_stats(&s);
	return s.npooled;
}

/* --- the demand ----------------------------------------------------------------- */

/* The most that was used at once in two ticks, less what is used now. */
static void
the_demand_is_the_peak_of_two_ticks(void)
{
	char *p = take(&heap, 100);

	take(&heap, 10);
	pageheap_free(p, 100);
	assert_int_equal(pageheap_tick(&heap, 2), 110);
	assert_int_equal(pageheap_tick(&heap, 2), 100);
	assert_int_equal(pageheap_tick(&heap, 2), 0);
	p = take(&heap, 50);
	assert_int_equal(pageheap_tick(&heap, 2), 50);
	pageheap_free(p, 50);
	assert_int_equal(pageheap_tick(&heap, 2), 50);
	assert_int_equal(pageheap_tick(&heap, 2), 50);
	assert_int_equal(pageheap_tick(&heap, 2), 0);
}

/* Use that grows may go on growing: as much again is not given away. */
static void
while_use_grows_the_demand_is_its_growth(void)
{
	take(&heap, 100);
	assert_int_equal(pageheap_tick(&heap, 2), 100);
	take(&heap, 30);
	assert_int_equal(pageheap_tick(&heap, 2), 30);
	assert_int_equal(pageheap_tick(&heap, 2), 0);
}

/* By how many ticks it looks back, as the caller says. */
static void
the_demand_is_the_peak_of_as_many_ticks_as_asked(void)
{
	for (unsigned window = 2; window <= PAGEHEAP_WINDOW_MAX; window++) {
		char *p = take(&heap, 10 * window);

		pageheap_free(p, 10 * window);
		for (unsigned i = 0; i < window; i++)
			assert_int_equal(pageheap_tick(&heap, window),
					 10 * window);
		assert_int_equal(pageheap_tick(&heap, window), 0);
	}
}

/* A window that widens finds what was before it was narrow. */
static void
peaks_are_remembered_whatever_is_asked(void)
{
	char *p = take(&heap, 100);

	pageheap_free(p, 100);
	assert_int_equal(pageheap_tick(&heap, 2), 100);
	assert_int_equal(pageheap_tick(&heap, 2), 100);
	assert_int_equal(pageheap_tick(&heap, 2), 0);
	assert_int_equal(pageheap_tick(&heap, 3), 0);
	assert_int_equal(pageheap_tick(&heap, 8), 100);
	assert_int_equal(pageheap_tick(&heap, 5), 0);
	assert_int_equal(pageheap_tick(&heap, 8), 100);
	assert_int_equal(pageheap_tick(&heap, 8), 100);
	assert_int_equal(pageheap_tick(&heap, 8), 0);
}

/* The highest counts, not the last. */
static void
of_several_peaks_the_highest_counts(void)
{
	static const size_t peaks[] = { 20, 90, 30, 70, 10 };
	static const size_t demands[] = { 20, 90, 90, 90, 70, 70, 10, 0 };

	for (size_t i = 0; i < COUNT_OF(demands); i++) {
		if (i < COUNT_OF(peaks))
			pageheap_free(take(&heap, peaks[i]), peaks[i]);
		assert_int_equal(pageheap_tick(&heap, 3), demands[i]);
	}
}

/* --- parts of a run --------------------------------------------------------------- */

static uint64_t
bits_of(const uint64_t *map, const char *p)
{
	const struct chunk *c = region_chunk(region_find(p), p);
	size_t page = chunk_page(c, p);

	assert_int_equal(page % 64, 0);
	return map[page / 64];
}

static void
check_parts(size_t npages, uint64_t clean)
{
	char *p = take_aligned(&heap, npages, 64);
	const struct chunk *c = region_chunk(region_find(p), p);
	uint64_t all = npages == 64 ? UINT64_MAX : (UINT64_C(1) << npages) - 1;

	/* The bits behind the run say nothing. */
	pageheap_free_parts(p, npages, clean);
	assert_int_equal(bits_of(c->dirty, p), all & ~clean);
	assert_int_equal(bits_of(c->used, p) & all, 0);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX),
			 __builtin_popcountll(all & ~clean));
}

static void
of_a_run_freed_in_parts_the_dirty_ones_are_dirty(void)
{
	uint64_t luck = random_seed();

	/* Or the chunk would leave for the pool. */
	take(&heap, 1);
	for (size_t npages = 1; npages <= 64; npages++) {
		check_parts(npages, 0);
		check_parts(npages, UINT64_MAX);
		check_parts(npages, 1);
		check_parts(npages, UINT64_C(1) << (npages - 1));
		check_parts(npages, 0x5555555555555555);
		for (unsigned i = 0; i < 20; i++)
			check_parts(npages, random_next(&luck));
	}
	assert_int_equal(heap.nused, 1);
}

static void
a_chunk_that_runs_empty_by_its_last_part_goes_to_the_pool(void)
{
	char *p = take(&heap, 16);

	memset(p, 1, 16 * PAGE_BYTES);
	pageheap_free_parts(p, 16, 0x8001);
	assert_int_equal(heap.nused, 0);
	assert_int_equal(heap.nchunks, 0);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	assert_int_equal(pagepool_ndirty(), 14);
	assert_int_equal(pooled(), 1);
}

/* --- refaults ------------------------------------------------------------------------ */

static void
pages_that_come_back_after_a_purge_are_refaults(void)
{
	char *p = take(&heap, 10);

	take(&heap, 1);
	assert_int_equal(pageheap_nrefaults(&heap), 0);
	/* Still dirty: nothing had to come back. */
	pageheap_free(p, 10);
	assert_ptr_equal(take(&heap, 10), p);
	assert_int_equal(pageheap_nrefaults(&heap), 0);
	pageheap_free(p, 10);
	pageheap_purge(&heap, false, SIZE_MAX);
	assert_ptr_equal(take(&heap, 10), p);
	assert_int_equal(pageheap_nrefaults(&heap), 10);
	/* What was never handed out is none. */
	take(&heap, 100);
	assert_int_equal(pageheap_nrefaults(&heap), 10);
}

static void
of_a_run_that_is_dirty_in_part_the_rest_are_refaults(void)
{
	char *p = take(&heap, 10);

	take(&heap, 1);
	pageheap_free(p, 4);
	pageheap_purge(&heap, false, SIZE_MAX);
	pageheap_free(p + 4 * PAGE_BYTES, 6);
	assert_ptr_equal(take(&heap, 10), p);
	assert_int_equal(pageheap_nrefaults(&heap), 4);
}

static void
refaults_are_known_over_the_pool_and_another_heap(void)
{
	char *p = take(&heap, 300);

	pageheap_free(p, 300);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 300);
	assert_ptr_equal(take(&other, 400), p);
	assert_int_equal(pageheap_nrefaults(&heap), 0);
	assert_int_equal(pageheap_nrefaults(&other), 300);
}

/* Nothing of theirs went back. */
static void
pages_that_moved_away_are_no_refaults(void)
{
	char *p = take(&heap, 2 * CHUNK_NPAGES);

	pageheap_free_moved(p, 2 * CHUNK_NPAGES);
	assert_int_equal(pagepool_ndirty(), 0);
	/* But they were handed out once. */
	assert_false(chunk_is_fresh(region_chunk(region_find(p), p), 0));
	assert_ptr_equal(take(&heap, 2 * CHUNK_NPAGES), p);
	assert_int_equal(pageheap_nrefaults(&heap), 0);
	/* The same where a tick gave the chunks new mappings in between. */
	pageheap_note_moved(p, 2 * CHUNK_NPAGES);
	pageheap_free_moved(p, 2 * CHUNK_NPAGES);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_ptr_equal(take(&heap, 2 * CHUNK_NPAGES), p);
	assert_int_equal(pageheap_nrefaults(&heap), 0);
}

static void
what_is_purged_where_pages_moved_away_comes_back_by_refaults(void)
{
	char *p = take(&heap, CHUNK_NPAGES);

	pageheap_free_moved(p, CHUNK_NPAGES);
	assert_ptr_equal(take(&heap, 100), p);
	take(&heap, 1);
	pageheap_free(p, 100);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 100);
	assert_ptr_equal(take(&heap, 100), p);
	assert_int_equal(pageheap_nrefaults(&heap), 100);
}

static void
dirty_pages_that_are_renewed_come_back_by_refaults(void)
{
	char *p = take(&heap, CHUNK_NPAGES);

	pageheap_note_moved(p, CHUNK_NPAGES);
	pageheap_free_moved(p, CHUNK_NPAGES);
	assert_ptr_equal(take(&heap, 100), p);
	pageheap_free(p, 100);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	assert_ptr_equal(take(&heap, 100), p);
	assert_int_equal(pageheap_nrefaults(&heap), 100);
}

/* --- the bell's budget ----------------------------------------------------------------- */

static int64_t
budget(void)
{
	return atomic_load(&bell_budget);
}

static void
fresh_pages_are_spent_and_dirty_ones_are_not(void)
{
	char *p;

	bell_allow(1000);
	p = take(&heap, 10);
	assert_int_equal(budget(), 990);
	take(&heap, 1);
	assert_int_equal(budget(), 989);
	pageheap_free(p, 10);
	assert_ptr_equal(take(&heap, 10), p);
	assert_int_equal(budget(), 989);
	/* Half of them are resident still. */
	pageheap_free(p, 5);
	pageheap_purge(&heap, false, SIZE_MAX);
	pageheap_free(p + 5 * PAGE_BYTES, 5);
	assert_ptr_equal(take(&heap, 10), p);
	assert_int_equal(budget(), 984);
}

static void
what_a_run_grows_by_is_spent(void)
{
	char *p;

	bell_allow(2000);
	p = take(&heap, 10);
	assert_true(pageheap_extend(p, 10, 20));
	assert_int_equal(budget(), 1970);
	take(&other, CHUNK_NPAGES + 1);
	assert_int_equal(budget(), 1970 - CHUNK_NPAGES - 1);
}

static void
who_overdraws_the_budget_rings(void)
{
	char *p;

	bell_allow(15);
	p = take(&heap, 15);
	assert_int_equal(budget(), 0);
	assert_true(pageheap_extend(p, 15, 1));
	assert_true(bell_is_spent());
	bell_allow(0);
	take(&heap, 1);
	assert_true(bell_is_spent());
	/* A day: it was rung. */
	bell_nap(UINT64_C(86400) * 1000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(the_demand_is_the_peak_of_two_ticks),
		alone(while_use_grows_the_demand_is_its_growth),
		alone(the_demand_is_the_peak_of_as_many_ticks_as_asked),
		alone(peaks_are_remembered_whatever_is_asked),
		alone(of_several_peaks_the_highest_counts),
		alone(of_a_run_freed_in_parts_the_dirty_ones_are_dirty),
		alone(a_chunk_that_runs_empty_by_its_last_part_goes_to_the_pool),
		alone(pages_that_come_back_after_a_purge_are_refaults),
		alone(of_a_run_that_is_dirty_in_part_the_rest_are_refaults),
		alone(refaults_are_known_over_the_pool_and_another_heap),
		alone(pages_that_moved_away_are_no_refaults),
		alone(what_is_purged_where_pages_moved_away_comes_back_by_refaults),
		alone(dirty_pages_that_are_renewed_come_back_by_refaults),
		alone(fresh_pages_are_spent_and_dirty_ones_are_not),
		alone(what_a_run_grows_by_is_spent),
		alone(who_overdraws_the_budget_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

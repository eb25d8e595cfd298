/*
 * pageheap.c -- one arena's page runs. What it counts for those who give memory
 * back is in pageheap_counts.c, random operations in pageheap_random.c.
 */
#include "faults.h"
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

/* --- taking ------------------------------------------------------------------ */

static void
a_fresh_run_reads_as_zero_and_is_counted(void)
{
	bool is_zero = false;
	char *p = pageheap_alloc(&heap, 10, 1, &is_zero);

	assert_true(is_zero);
	assert_true(is_all(p, 0, 10 * PAGE_BYTES));
	assert_int_equal(heap.nused, 10);
	assert_int_equal(heap.nchunks, 1);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

static void
a_run_that_was_freed_is_taken_again_and_is_not_zero(void)
{
	bool is_zero = true;
	char *p = take(&heap, 10);

	take(&heap, 1);
	pageheap_free(p, 10);
	assert_int_equal(pageheap_ndirty(&heap), 10);
	assert_ptr_equal(pageheap_alloc(&heap, 10, 1, &is_zero), p);
	assert_false(is_zero);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

static void
runs_are_aligned_as_asked(void)
{
	take(&heap, 1);
	for (size_t align = 1; align <= 4096; align *= 2) {
		take_aligned(&heap, 3, align);
		take_aligned(&heap, 700, align);
	}
}

static void
a_long_run_takes_chunks_whole_and_leaves_the_rest(void)
{
	char *p = take(&heap, 2 * CHUNK_NPAGES + 100), *q;

	assert_int_equal((uintptr_t)p % CHUNK_BYTES, 0);
	assert_int_equal(heap.nchunks, 3);
	q = take(&heap, 412);
	assert_ptr_equal(q, p + (2 * CHUNK_NPAGES + 100) * PAGE_BYTES);
	assert_int_equal(heap.nchunks, 3);
	take(&heap, 1);
	assert_int_equal(heap.nchunks, 4);
}

static void
the_fullest_chunk_that_fits_is_taken_first(void)
{
	char *a = take(&heap, 300), *b = take(&heap, 400);

	/* Two chunks, since both do not fit into one: 300 and 400 used. */
	assert_int_equal(heap.nchunks, 2);
	assert_ptr_equal(take(&heap, 100), b + 400 * PAGE_BYTES);
	assert_ptr_equal(take(&heap, 200), a + 300 * PAGE_BYTES);
}

static void
without_memory_there_is_no_run_and_later_there_is(void)
{
	bool is_zero;

	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(pageheap_alloc(&heap, 1, 1, &is_zero));
	assert_null(pageheap_alloc(&heap, 2000, 1, &is_zero));
	assert_int_equal(heap.nused, 0);
	assert_int_equal(heap.nchunks, 0);
	faults_none();
	take(&heap, 1);
	take(&heap, 2000);
}

static void
more_pages_than_there_are_addresses_are_refused(void)
{
	bool is_zero;

	assert_null(pageheap_alloc(&heap, (size_t)PTRDIFF_MAX >> PAGE_SHIFT, 1,
				   &is_zero));
	assert_null(pageheap_alloc(&heap, 1, (size_t)1 << (63 - PAGE_SHIFT),
				   &is_zero));
	assert_null(pageheap_alloc(&heap, (size_t)1 << 32, 1 << 20, &is_zero));
	assert_int_equal(heap.nused, 0);
}

/* --- giving ------------------------------------------------------------------ */

static void
a_chunk_that_ran_empty_goes_to_the_pool(void)
{
	char *p = take(&heap, 10), *q = take(&heap, 20);

	pageheap_free(p, 10);
	assert_int_equal(heap.nchunks, 1);
	pageheap_free(q, 20);
	assert_int_equal(heap.nchunks, 0);
	assert_int_equal(heap.nused, 0);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	assert_int_equal(pooled(), 1);
	assert_int_equal(pagepool_ndirty(), 30);
	/* Another heap takes it with its dirty pages. */
	assert_ptr_equal(take(&other, 10), p);
	assert_int_equal(pageheap_ndirty(&other), 20);
	assert_int_equal(pagepool_ndirty(), 0);
}

static void
the_end_of_a_run_can_be_freed_alone(void)
{
	char *p = take(&heap, 1300);

	pageheap_free(p + 100 * PAGE_BYTES, 1200);
	assert_int_equal(heap.nused, 100);
	assert_int_equal(heap.nchunks, 1);
	assert_ptr_equal(take(&heap, 412), p + 100 * PAGE_BYTES);
	pageheap_free(p, 100);
	pageheap_free(p + 100 * PAGE_BYTES, 412);
	assert_int_equal(heap.nused, 0);
}

static void
a_run_goes_back_to_the_heap_it_came_from(void)
{
	char *p = take(&heap, 5), *q = take(&other, 5);

	pageheap_free(q, 5);
	assert_int_equal(heap.nused, 5);
	assert_int_equal(other.nused, 0);
	pageheap_free(p, 5);
	assert_int_equal(heap.nused, 0);
}

static void
free_pages_behind_a_run_extend_it(void)
{
	char *p = take(&heap, 10);

	assert_true(pageheap_extend(p, 10, 20));
	assert_int_equal(heap.nused, 30);
	assert_ptr_equal(take(&heap, 1), p + 30 * PAGE_BYTES);
	assert_false(pageheap_extend(p, 30, 1));
	assert_int_equal(heap.nused, 31);
}

static void
a_run_grows_over_the_end_of_its_chunk_into_the_pool(void)
{
	char *p = take(&heap, 3 * CHUNK_NPAGES);

	/* Three neighbours, of which two go back. */
	pageheap_free(p + 10 * PAGE_BYTES, 3 * CHUNK_NPAGES - 10);
	assert_int_equal(heap.nchunks, 1);
	assert_true(pageheap_extend(p, 10, 2 * CHUNK_NPAGES));
	assert_int_equal(heap.nused, 2 * CHUNK_NPAGES + 10);
	assert_int_equal(heap.nchunks, 3);
	assert_int_equal(pooled(), 0);
	memset(p, 1, (2 * CHUNK_NPAGES + 10) * PAGE_BYTES);
	pageheap_free(p, 2 * CHUNK_NPAGES + 10);
	assert_int_equal(heap.nchunks, 0);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	assert_int_equal(pooled(), 3);
}

static void
a_run_does_not_grow_over_what_others_have(void)
{
	char *p = take(&heap, CHUNK_NPAGES), *q = take(&other, 10);
	size_t nused = heap.nused;

	/* The chunk behind it is another heap's; behind that there is none. */
	assert_ptr_equal(q, p + CHUNK_BYTES);
	assert_false(pageheap_extend(p, CHUNK_NPAGES, 1));
	assert_false(pageheap_extend(q, 10, CHUNK_NPAGES - 9));
	assert_false(pageheap_extend(q, 10, 5 * CHUNK_NPAGES));
	assert_true(pageheap_extend(q, 10, CHUNK_NPAGES - 10));
	assert_int_equal(heap.nused, nused);
	assert_int_equal(other.nused, CHUNK_NPAGES);
}

static void
a_long_run_grows_within_its_last_chunk(void)
{
	char *p = take(&heap, CHUNK_NPAGES + 10);

	assert_true(pageheap_extend(p, CHUNK_NPAGES + 10, 502));
	assert_false(pageheap_extend(p, 2 * CHUNK_NPAGES, 1));
	assert_int_equal(heap.nused, 2 * CHUNK_NPAGES);
	pageheap_free(p, 2 * CHUNK_NPAGES);
	assert_int_equal(heap.nchunks, 0);
}

static void
a_run_freed_clean_is_zero_and_not_dirty(void)
{
	bool is_zero = false;
	char *p = take(&heap, 10);

	take(&heap, 1);
	pageheap_free_parts(p, 10, UINT64_MAX);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	assert_ptr_equal(pageheap_alloc(&heap, 10, 1, &is_zero), p);
	assert_true(is_zero);
}

/* --- purging ----------------------------------------------------------------- */

/* A run with every second page freed; n pages are dirty. */
static char *
comb(struct pageheap *ph, size_t n)
{
	char *p = take(ph, 2 * n);

	memset(p, 1, 2 * n * PAGE_BYTES);
	for (size_t i = 0; i < n; i++)
		pageheap_free(p + 2 * i * PAGE_BYTES, 1);
	return p;
}

static void
after_two_purges_no_page_that_was_dirty_at_the_first_stays(void)
{
	char *p = comb(&heap, 50);

	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 0);
	assert_int_equal(resident_pages(p, 100), 100);
	/* Free since the first purge only. */
	pageheap_free(p + PAGE_BYTES, 1);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 50);
	assert_int_equal(resident_pages(p, 100), 50);
	assert_int_equal(pageheap_ndirty(&heap), 1);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 1);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

static void
a_page_used_between_two_purges_is_spared(void)
{
	char *p = take(&heap, 10);

	take(&heap, 1);
	pageheap_free(p, 10);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 0);
	assert_ptr_equal(take(&heap, 10), p);
	pageheap_free(p, 10);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 0);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 10);
}

static void
a_purge_of_everything_does_not_wait(void)
{
	char *p = comb(&heap, 50);

	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 50);
	assert_int_equal(resident_pages(p, 100), 50);
	assert_int_equal(heap.nused, 50);
	assert_int_equal(heap.purge.npages, 50);
	assert_int_equal(heap.purge.nranges, 50);
}

static void
more_ranges_than_one_batch_holds_all_go(void)
{
	for (unsigned i = 0; i < 5; i++)
		comb(&heap, 200);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 1000);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 0);
}

static void
stale_ranges_of_many_batches_all_go(void)
{
	for (unsigned i = 0; i < 5; i++)
		comb(&heap, 200);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 0);
	assert_int_equal(pageheap_purge(&heap, true, SIZE_MAX), 1000);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

static void
a_purged_run_reads_as_zero(void)
{
	bool is_zero = false;
	char *p = take(&heap, 10);

	take(&heap, 1);
	memset(p, 1, 10 * PAGE_BYTES);
	pageheap_free(p, 10);
	pageheap_purge(&heap, false, SIZE_MAX);
	assert_ptr_equal(pageheap_alloc(&heap, 10, 1, &is_zero), p);
	assert_true(is_zero);
	assert_true(is_all(p, 0, 10 * PAGE_BYTES));
}

static void
a_purge_that_fails_leaves_its_pages_dirty_and_usable(void)
{
	char *p = comb(&heap, 100);

	fault_for_good(OS_CALL_PURGE, 1);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 0);
	assert_int_equal(pageheap_ndirty(&heap), 100);
	assert_int_equal(heap.nused, 100);
	assert_true(heap.purge.nfailed > 0);
	faults_none();
	assert_ptr_equal(take(&heap, 1), p);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 99);
}

/* The k-th of several calls fails: what went before it went. */
static void
a_purge_that_fails_once_loses_no_page(void)
{
	for (unsigned k = 1; k <= 12; k++) {
		size_t before = pageheap_ndirty(&heap), went;

		comb(&heap, 150);
		fault_once(OS_CALL_PURGE, k);
		went = pageheap_purge(&heap, false, SIZE_MAX);
		assert_int_equal(pageheap_ndirty(&heap) + went, before + 150);
	}
	faults_none();
	pageheap_purge(&heap, false, SIZE_MAX);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

/* Each heap numbers its own purges. */
static void
a_chunk_from_another_heap_is_purged_at_once(void)
{
	char *p = comb(&heap, 10);

	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 10);
	for (size_t i = 0; i < 10; i++)
		pageheap_free(p + (2 * i + 1) * PAGE_BYTES, 1);
	assert_int_equal(heap.nchunks, 0);
	assert_ptr_equal(comb(&other, 10), p);
	assert_int_equal(pageheap_purge(&other, false, SIZE_MAX), 10);
	assert_int_equal(pageheap_ndirty(&other), 0);
}

static void
a_purge_stops_at_its_bound_and_ages_the_rest(void)
{
	for (unsigned i = 0; i < 5; i++)
		comb(&heap, 200);
	assert_int_equal(pageheap_purge(&heap, true, 0), 0);
	/* All are stale now; a batch is 64 ranges. */
	assert_in_range(pageheap_purge(&heap, true, 100), 100, 200);
	assert_true(pageheap_ndirty(&heap) >= 800);
	pageheap_purge(&heap, true, SIZE_MAX);
	assert_int_equal(pageheap_ndirty(&heap), 0);
}

static void
a_purge_of_an_empty_heap_does_nothing(void)
{
	fault_once(OS_CALL_PURGE, 0);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 0);
	assert_int_equal(faults_count(OS_CALL_PURGE), 0);
}

/* However long ago a chunk was purged, it is when it is dirty again. */
static void
after_65536_purges_a_chunk_is_purged_again(void)
{
	char *p = take(&heap, 20);

	pageheap_free(p, 10);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 10);
	for (unsigned k = 0; k < UINT16_MAX; k++)
		assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 0);
	assert_ptr_equal(take(&heap, 10), p);
	pageheap_free(p, 10);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 10);
}

/* Their numbers come round; a chunk that is dirty all the time is seen by each. */
static void
when_the_numbers_of_purges_come_round_none_is_left_out(void)
{
	char *p = take(&heap, 20);

	heap.tick = UINT32_MAX - 4;
	for (unsigned i = 0; i < 10; i++) {
		pageheap_free(p, 10);
		assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 10);
		assert_ptr_equal(take(&heap, 10), p);
	}
	/* And one that is adopted as they do. */
	heap.tick = 0;
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 0);
	comb(&other, 10);
	assert_int_equal(pageheap_purge(&other, false, SIZE_MAX), 10);
}

/* --- with hooks ------------------------------------------------------------------ */

static struct extent_hooks hooks;

/* As many chunks, one behind the other, that the heap keeps. */
static char *
keep(size_t nchunks)
{
	char *p;

	hooks = hooks_default;
	pageheap_set_hooks(&heap, &hooks, 7);
	p = take(&heap, nchunks * CHUNK_NPAGES);
	pageheap_free(p, nchunks * CHUNK_NPAGES);
	return p;
}

static void
with_hooks_a_chunk_that_ran_empty_stays(void)
{
	char *p = keep(1);

	assert_int_equal(heap.nused, 0);
	assert_int_equal(heap.nchunks, 1);
	assert_int_equal(pooled(), 0);
	/* Its pages go back to the kernel as all do. */
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), CHUNK_NPAGES);
	assert_int_equal(heap.nchunks, 1);
	assert_ptr_equal(take(&heap, 1), p);
}

static void
kept_chunks_serve_a_long_run_where_they_are_neighbours(void)
{
	char *p = keep(3), *q;

	take(&heap, 1);
	/* Two of the three are free now, and nothing was asked of the hooks. */
	q = take(&heap, 2 * CHUNK_NPAGES);
	assert_true(q >= p && q + 2 * CHUNK_BYTES <= p + 3 * CHUNK_BYTES);
	assert_int_equal(heap.nchunks, 3);
	pageheap_free(q, 2 * CHUNK_NPAGES);
	q = take(&heap, 3 * CHUNK_NPAGES);
	assert_true(q >= p + 3 * CHUNK_BYTES || q + 3 * CHUNK_BYTES <= p);
	assert_int_equal(heap.nchunks, 6);
}

static void
a_heap_s_end_gives_back_what_it_kept_and_its_hooks(void)
{
	struct list chunks;

	keep(3);
	assert_ptr_equal(pageheap_hooks(&heap), &hooks);
	chunks = pageheap_detach(&heap);
	assert_int_equal(heap.nchunks, 0);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	pageheap_end(&heap, chunks);
	assert_int_equal(pooled(), 3);
	assert_null(pageheap_hooks(&heap));
	/* From then on the heap is as any other. */
	pageheap_free(take(&heap, 1), 1);
	assert_int_equal(heap.nchunks, 0);
	assert_int_equal(pooled(), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_fresh_run_reads_as_zero_and_is_counted),
		alone(a_run_that_was_freed_is_taken_again_and_is_not_zero),
		alone(runs_are_aligned_as_asked),
		alone(a_long_run_takes_chunks_whole_and_leaves_the_rest),
		alone(the_fullest_chunk_that_fits_is_taken_first),
		alone(without_memory_there_is_no_run_and_later_there_is),
		alone(more_pages_than_there_are_addresses_are_refused),
		alone(a_chunk_that_ran_empty_goes_to_the_pool),
		alone(the_end_of_a_run_can_be_freed_alone),
		alone(a_run_goes_back_to_the_heap_it_came_from),
		alone(free_pages_behind_a_run_extend_it),
		alone(a_run_grows_over_the_end_of_its_chunk_into_the_pool),
		alone(a_run_does_not_grow_over_what_others_have),
		alone(a_long_run_grows_within_its_last_chunk),
		alone(a_run_freed_clean_is_zero_and_not_dirty),
		alone(after_two_purges_no_page_that_was_dirty_at_the_first_stays),
		alone(a_page_used_between_two_purges_is_spared),
		alone(a_purge_of_everything_does_not_wait),
		alone(more_ranges_than_one_batch_holds_all_go),
		alone(stale_ranges_of_many_batches_all_go),
		alone(a_purged_run_reads_as_zero),
		alone(a_purge_that_fails_leaves_its_pages_dirty_and_usable),
		alone(a_purge_that_fails_once_loses_no_page),
		alone(a_chunk_from_another_heap_is_purged_at_once),
		alone(a_purge_stops_at_its_bound_and_ages_the_rest),
		alone(a_purge_of_an_empty_heap_does_nothing),
		alone(after_65536_purges_a_chunk_is_purged_again),
		alone(when_the_numbers_of_purges_come_round_none_is_left_out),
		alone(with_hooks_a_chunk_that_ran_empty_stays),
		alone(kept_chunks_serve_a_long_run_where_they_are_neighbours),
		alone(a_heap_s_end_gives_back_what_it_kept_and_its_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

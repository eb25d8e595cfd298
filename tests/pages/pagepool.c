/*
 * pagepool.c -- whole free chunks, shared by all page heaps.
 */
#include "base/bits.h"
#include "faults.h"
#include "pages/pagepool.h"
#include "unit.h"

static struct chunk *
take(size_t count)
{
	struct chunk *c = pagepool_take(count, CHUNK_BYTES);

	assert_non_null(c);
	return c;
}

/* Uses n pages of a chunk, so that it comes back dirty. */
static void
soil(struct chunk *c, size_t n)
{
	c->longest = CHUNK_NPAGES;
	chunk_take(c, 0, n);
	memset(c->base, 1, n * PAGE_BYTES);
	chunk_give(c, 0, n);
}

static struct pagepool_stats
stats(void)
{
	struct pagepool_stats s;

	pagepool_stats(&s);
	return s;
}

/* What the bitmaps say about the sums. */
static void
check_sums(void)
{
	struct pagepool_stats s = stats();
	size_t npooled = 0, ndirty = 0, nchunks = 0;

	for (unsigned i = 0; i < atomic_load(&nregions); i++) {
		struct region *r = &regions[i];

		nchunks += r->nchunks;
		npooled += bits_count_range(r->pool, 0, r->nchunks);
		for (size_t k = 0; k < r->nchunks; k++) {
			bool in = bits_test(r->pool, k);

			ndirty += in ? r->chunks[k].ndirty : 0;
			assert_int_equal(bits_test(r->pool_dirty, k),
					 in && (r->chunks[k].ndirty > 0 ||
						r->chunks[k].has_moved_pages));
		}
	}
	assert_int_equal(s.nchunks, nchunks);
	assert_int_equal(s.npooled, npooled);
	assert_int_equal(s.ndirty_pages, ndirty);
	assert_int_equal(pagepool_ndirty(), ndirty);
}

static void
new_chunks_are_free_committed_and_zero(void)
{
	struct chunk *c = take(3);

	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(c[i].base, c[0].base + i * CHUNK_BYTES);
		assert_int_equal(c[i].nused, 0);
		assert_int_equal(c[i].ndirty, 0);
		assert_null(c[i].owner);
	}
	assert_true(is_all(c[0].base, 0, 3 * CHUNK_BYTES));
	check_sums();
}

static void
a_chunk_that_was_put_is_taken_before_new_ones(void)
{
	struct chunk *a = take(1), *b = take(1);

	pagepool_put(a);
	check_sums();
	assert_ptr_equal(take(1), a);
	check_sums();
	assert_int_equal(stats().nchunks, 2);
	pagepool_put(b);
	assert_ptr_equal(take(1), b);
}

static void
dirty_chunks_are_taken_before_clean_ones(void)
{
	struct chunk *c = take(3);

	soil(&c[2], 5);
	for (size_t i = 0; i < 3; i++)
		pagepool_put(&c[i]);
	check_sums();
	assert_int_equal(pagepool_ndirty(), 5);
	assert_ptr_equal(take(1), &c[2]);
	assert_int_equal(pagepool_ndirty(), 0);
	check_sums();
	assert_ptr_equal(take(1), &c[0]);
}

static void
neighbours_are_found_among_single_chunks(void)
{
	struct chunk *c = take(6);

	/* Free: 0, 2, 3, 5. */
	pagepool_put(&c[0]);
	pagepool_put(&c[2]);
	pagepool_put(&c[3]);
	pagepool_put(&c[5]);
	assert_ptr_equal(take(2), &c[2]);
	/* No two are neighbours any more, but new ones may follow the last. */
	assert_int_equal(stats().npooled, 2);
	assert_ptr_equal(take(2)->base, c[5].base + CHUNK_BYTES);
	check_sums();
}

static void
taken_chunks_are_aligned(void)
{
	for (size_t a = CHUNK_BYTES; a <= 64 * CHUNK_BYTES; a *= 2) {
		struct chunk *c = pagepool_take(2, a);

		assert_non_null(c);
		assert_int_equal((uintptr_t)c->base % a, 0);
		check_sums();
	}
}

static void
what_alignment_skipped_serves_later_requests(void)
{
	size_t nchunks;

	take(1);
	pagepool_take(1, 64 * CHUNK_BYTES);
	pagepool_take(1, 64 * CHUNK_BYTES);
	nchunks = stats().nchunks;
	assert_true(stats().npooled >= 63);
	while (stats().npooled > 0) {
		struct chunk *c = take(1);

		assert_true(c->is_committed);
		memset(c->base, 1, CHUNK_BYTES);
	}
	assert_int_equal(stats().nchunks, nchunks);
	check_sums();
}

/* Under a limit the first region is soon full. */
static void
chunks_skipped_in_a_later_region_are_counted_too(void)
{
	limit_address_space(2 * GIB);
	while (atomic_load(&nregions) < 2)
		take(1);
	check_sums();
	pagepool_take(1, 8 * CHUNK_BYTES);
	pagepool_take(1, 8 * CHUNK_BYTES);
	check_sums();
	while (stats().npooled > 0 && stats().npooled < 1000)
		take(1);
	check_sums();
}

static void
a_commit_that_fails_leaves_the_pool_as_it_was(void)
{
	struct pagepool_stats before;

	take(1);
	pagepool_take(1, 64 * CHUNK_BYTES);
	pagepool_take(1, 64 * CHUNK_BYTES);
	before = stats();
	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(pagepool_take(1, CHUNK_BYTES));
	assert_null(pagepool_take(7, CHUNK_BYTES));
	fault_for_good(OS_CALL_COMMIT, 3);
	assert_null(pagepool_take(7, CHUNK_BYTES));
	check_sums();
	assert_int_equal(stats().npooled, before.npooled);
	assert_int_equal(stats().nchunks, before.nchunks);
	faults_none();
	assert_non_null(pagepool_take(7, CHUNK_BYTES));
	check_sums();
}

/* --- purging ------------------------------------------------------------------ */

static void
a_purge_of_everything_leaves_no_dirty_page(void)
{
	struct chunk *c = take(2);

	soil(&c[0], 100);
	soil(&c[1], 200);
	pagepool_put(&c[0]);
	pagepool_put(&c[1]);
	assert_int_equal(resident_pages(c[0].base, 100), 100);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 300);
	assert_int_equal(pagepool_ndirty(), 0);
	assert_int_equal(resident_pages(c[0].base, CHUNK_NPAGES), 0);
	assert_int_equal(resident_pages(c[1].base, CHUNK_NPAGES), 0);
	assert_int_equal(stats().purge.npages, 300);
	assert_int_equal(stats().purge.nranges, 2);
	check_sums();
}

static void
pages_go_when_they_were_dirty_at_two_purges(void)
{
	struct chunk *c = take(1);

	soil(c, 100);
	pagepool_put(c);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_int_equal(resident_pages(c->base, 100), 100);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 100);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	check_sums();
}

static void
a_purge_that_fails_leaves_its_pages_dirty(void)
{
	struct chunk *c = take(1);

	soil(c, 100);
	pagepool_put(c);
	fault_for_good(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_int_equal(pagepool_ndirty(), 100);
	assert_int_equal(stats().purge.nfailed, 1);
	check_sums();
	faults_none();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	check_sums();
}

/* A free chunk of a mapping of its own, with 100 dirty pages. */
static struct chunk *
put_moved(void)
{
	struct chunk *c = take(1);

	soil(c, 100);
	pagepool_note_moved(c, true);
	pagepool_put(c);
	return c;
}

static void
a_chunk_of_moved_pages_is_renewed_whole(void)
{
	struct chunk *c = put_moved();

	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	assert_false(c->has_moved_pages);
	assert_int_equal(resident_pages(c->base, CHUNK_NPAGES), 0);
	check_sums();
	assert_ptr_equal(take(1), c);
	memset(c->base, 1, CHUNK_BYTES);
}

/* Out of mappings, say: that is no reason to keep the memory. */
static void
pages_go_though_their_chunk_cannot_be_renewed(void)
{
	struct chunk *c = put_moved();

	fault_once(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	assert_true(c->has_moved_pages);
	assert_int_equal(resident_pages(c->base, CHUNK_NPAGES), 0);
	check_sums();
	faults_none();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_false(c->has_moved_pages);
	check_sums();
}

static void
where_no_renewal_is_to_be_had_dirty_pages_wait_for_their_tick(void)
{
	struct chunk *c = put_moved();

	fault_once(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_int_equal(resident_pages(c->base, 100), 100);
	fault_once(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 100);
	assert_int_equal(resident_pages(c->base, 100), 0);
	check_sums();
}

static void
a_renewal_that_fails_is_tried_again(void)
{
	struct chunk *c = put_moved();

	fault_for_good(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_true(c->has_moved_pages);
	check_sums();
	faults_none();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	assert_false(c->has_moved_pages);
	check_sums();
}

/* Others took the charge meanwhile: the next taker asks for it again. */
static void
a_renewal_without_the_charge_leaves_no_hole(void)
{
	struct chunk *c = put_moved();

	fault_once(OS_CALL_COMMIT, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	assert_false(c->is_committed);
	assert_false(c->has_moved_pages);
	check_sums();
	assert_ptr_equal(take(1), c);
	assert_true(c->is_committed);
	assert_true(is_all(c->base, 0, CHUNK_BYTES));
	memset(c->base, 1, CHUNK_BYTES);
}

/* As many ranges as may lie in mappings of their own. */
#define MOVES 4096

static void
seams_between_mappings_are_bounded(void)
{
	struct chunk *c = take(MOVES);

	for (size_t i = 0; i < MOVES; i++) {
		assert_true(pagepool_may_move());
		pagepool_note_moved(&c[i], true);
		/* Moved twice, or the middle of a range: no further mapping. */
		pagepool_note_moved(&c[i], true);
		pagepool_note_moved(&c[i], false);
	}
	assert_false(pagepool_may_move());
	for (size_t i = 0; i < MOVES; i++)
		pagepool_put(&c[i]);
	pagepool_purge(false, SIZE_MAX);
	assert_true(pagepool_may_move());
}

static void
a_purge_stops_at_its_bound_and_ages_the_rest(void)
{
	struct chunk *c = take(4);

	for (size_t i = 0; i < 4; i++) {
		soil(&c[i], 100);
		pagepool_put(&c[i]);
	}
	assert_int_equal(pagepool_purge(true, 0), 0);
	assert_int_equal(pagepool_purge(true, 150), 200);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 200);
	check_sums();
}

static void
chunks_of_the_pool_can_be_taken_where_they_are(void)
{
	struct chunk *c = take(4);

	pagepool_put(&c[1]);
	pagepool_put(&c[2]);
	assert_false(pagepool_take_at(&c[1], 3));
	assert_false(pagepool_take_at(&c[0], 1));
	/* What was never handed out is not in the pool. */
	assert_false(pagepool_take_at(&c[4], 1));
	assert_int_equal(stats().npooled, 2);
	assert_true(pagepool_take_at(&c[1], 2));
	assert_int_equal(stats().npooled, 0);
	check_sums();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(new_chunks_are_free_committed_and_zero),
		alone(a_chunk_that_was_put_is_taken_before_new_ones),
		alone(dirty_chunks_are_taken_before_clean_ones),
		alone(neighbours_are_found_among_single_chunks),
		alone(taken_chunks_are_aligned),
		alone(what_alignment_skipped_serves_later_requests),
		alone(chunks_skipped_in_a_later_region_are_counted_too),
		alone(a_commit_that_fails_leaves_the_pool_as_it_was),
		alone(a_purge_of_everything_leaves_no_dirty_page),
		alone(pages_go_when_they_were_dirty_at_two_purges),
		alone(a_purge_that_fails_leaves_its_pages_dirty),
		alone(a_chunk_of_moved_pages_is_renewed_whole),
		alone(pages_go_though_their_chunk_cannot_be_renewed),
		alone(where_no_renewal_is_to_be_had_dirty_pages_wait_for_their_tick),
		alone(a_renewal_that_fails_is_tried_again),
		alone(a_renewal_without_the_charge_leaves_no_hole),
		alone(seams_between_mappings_are_bounded),
		alone(a_purge_stops_at_its_bound_and_ages_the_rest),
		alone(chunks_of_the_pool_can_be_taken_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

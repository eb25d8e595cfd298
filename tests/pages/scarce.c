/*
 * scarce.c -- free chunks where commit charge is short: they are decommitted,
 * and come back when they are wanted.
 *
 * os_commit_is_scarce() is wrapped at link time: a test says whether it is.
 */
#include <inttypes.h>

#include "base/bits.h"
#include "faults.h"
#include "os/memory.h"
#include "pages/pageheap.h"
#include "unit.h"

bool __wrap_os_commit_is_scarce(void);

/* And what the last purge was told. */
static bool is_scarce, was_scarce;

bool
__wrap_os_commit_is_scarce(void)
{
	was_scarce = is_scarce;
	return is_scarce;
}

/* --- chunks ------------------------------------------------------------------- */

static struct chunk *
take(size_t count)
{
	struct chunk *c = pagepool_take(count, CHUNK_BYTES);

	assert_non_null(c);
	for (size_t i = 0; i < count; i++)
		assert_true(c[i].is_committed);
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

static void
put(struct chunk *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pagepool_put(&c[i]);
}

static struct pagepool_stats
stats(void)
{
	struct pagepool_stats s;

	pagepool_stats(&s);
	return s;
}

/* A purge has something to do for it. */
static bool
needs_care(const struct chunk *c)
{
	return c->ndirty > 0 || c->has_moved_pages || c->is_small_paged ||
	       (was_scarce && c->is_committed);
}

/* Every chunk of the pool that needs care is marked, and the sums are right. */
static void
check_sums(void)
{
	struct pagepool_stats s = stats();
	size_t npooled = 0, ndirty = 0;
	const struct region *r = &regions[0];

	assert_int_equal(atomic_load(&nregions), 1);
	for (size_t k = 0; k < r->nchunks; k++) {
		const struct chunk *c = &r->chunks[k];
		bool in = bits_test(r->pool, k);

		npooled += in;
		ndirty += in ? c->ndirty : 0;
		assert_int_equal(bits_test(r->pool_dirty, k),
				 in && needs_care(c));
		assert_true(in || c->is_committed);
	}
	assert_int_equal(s.npooled, npooled);
	assert_int_equal(s.ndirty_pages, ndirty);
}

static bool
is_mapped(const void *addr)
{
	unsigned char vec;

	return mincore((void *)(uintptr_t)addr, PAGE_BYTES, &vec) == 0;
}

/*
 * KiB of the region that can be written, so count as committed. Of the region
 * alone: a process may have threads and memory that this program knows nothing
 * of, as under an emulator.
 */
static size_t
committed_kib(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	uintptr_t base = (uintptr_t)regions[0].chunks[0].base;
	uintptr_t end = base + regions[0].nchunks * CHUNK_BYTES;
	uintptr_t from, to, bytes = 0;
	char line[512], perms[5];

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s",
					&from, &to, perms),
				 3);
		from = from < base ? base : from;
		to = to > end ? end : to;
		if (from < to && strcmp(perms, "rw-p") == 0)
			bytes += to - from;
	}
	fclose(f);
	return bytes / KIB;
}

#define CHUNK_KIB (CHUNK_BYTES / KIB)

/* --- commit ----------------------------------------------------------------------- */

static void
where_memory_is_plenty_free_chunks_stay_committed(void)
{
	struct chunk *c = take(3);

	soil(&c[1], 100);
	put(c, 3);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	for (size_t i = 0; i < 3; i++)
		assert_true(c[i].is_committed);
	assert_int_equal(stats().purge.ndecommitted, 0);
	check_sums();
}

static void
where_commit_is_short_free_chunks_are_decommitted(void)
{
	struct chunk *c = take(3);
	size_t before = committed_kib();

	is_scarce = true;
	soil(&c[1], 100);
	put(c, 3);
	check_sums();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	for (size_t i = 0; i < 3; i++) {
		assert_false(c[i].is_committed);
		assert_false(is_readable(c[i].base));
		/* Nobody else can get there. */
		assert_true(is_mapped(c[i].base));
	}
	assert_int_equal(stats().purge.ndecommitted, 3);
	assert_int_equal(stats().purge.npages, 100);
	assert_int_equal(before - committed_kib(), 3 * CHUNK_KIB);
	check_sums();
	/* There is nothing more to do. */
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_int_equal(stats().purge.ndecommitted, 3);
}

static void
decommitted_chunks_are_taken_again_and_are_zero(void)
{
	struct chunk *c = take(3);
	size_t before = committed_kib();

	is_scarce = true;
	for (size_t i = 0; i < 3; i++)
		soil(&c[i], 100);
	put(c, 3);
	pagepool_purge(false, SIZE_MAX);
	assert_ptr_equal(take(3), c);
	assert_true(is_all(c->base, 0, 3 * CHUNK_BYTES));
	memset(c->base, 1, 3 * CHUNK_BYTES);
	assert_int_equal(committed_kib(), before);
	assert_int_equal(stats().nchunks, 3);
	check_sums();
}

/* Dirty pages first wait for their tick, whatever is short. */
static void
young_dirty_pages_keep_their_chunk(void)
{
	struct chunk *c = take(1);

	is_scarce = true;
	soil(c, 100);
	put(c, 1);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_true(c->is_committed);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 100);
	assert_false(c->is_committed);
	check_sums();
}

static void
when_commit_becomes_short_the_whole_pool_is_looked_at(void)
{
	struct chunk *c = take(20);

	put(c, 20);
	pagepool_purge(false, SIZE_MAX);
	assert_true(c->is_committed);
	is_scarce = true;
	pagepool_purge(true, 0);
	assert_int_equal(stats().purge.ndecommitted, 20);
	check_sums();
	/* And when it is no longer short they stay. */
	is_scarce = false;
	assert_ptr_equal(take(20), c);
	put(c, 20);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(stats().purge.ndecommitted, 20);
	check_sums();
}

static void
chunks_in_use_stay_where_they_are(void)
{
	struct chunk *c = take(3);

	is_scarce = true;
	memset(c[0].base, 1, 3 * CHUNK_BYTES);
	put(&c[1], 1);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(stats().purge.ndecommitted, 1);
	assert_true(is_all(c[0].base, 1, CHUNK_BYTES));
	assert_true(is_all(c[2].base, 1, CHUNK_BYTES));
	check_sums();
}

static void
a_decommit_that_is_refused_is_tried_again(void)
{
	struct chunk *c = take(1);

	is_scarce = true;
	put(c, 1);
	fault_once(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_true(c->is_committed);
	check_sums();
	pagepool_purge(false, SIZE_MAX);
	assert_false(c->is_committed);
	check_sums();
}

/* A decommit leaves nothing of the old mapping; healing it would be in vain. */
static void
seams_and_advice_go_with_the_mapping(void)
{
	struct chunk *c = take(2);

	is_scarce = true;
	pagepool_note_moved(&c[0], true);
	c[1].is_small_paged = true;
	put(c, 2);
	pagepool_purge(false, SIZE_MAX);
	pagepool_purge(false, SIZE_MAX);
	for (size_t i = 0; i < 2; i++) {
		assert_false(c[i].is_committed);
		assert_false(c[i].has_moved_pages);
		assert_false(c[i].is_small_paged);
	}
	check_sums();
}

static void
without_commit_a_chunk_is_refused_and_stays_in_the_pool(void)
{
	struct chunk *c = take(3);

	is_scarce = true;
	put(c, 3);
	pagepool_purge(false, SIZE_MAX);
	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(pagepool_take(1, CHUNK_BYTES));
	assert_null(pagepool_take(3, CHUNK_BYTES));
	assert_false(pagepool_take_at(c, 2));
	faults_none();
	assert_int_equal(stats().npooled, 3);
	check_sums();
	assert_ptr_equal(take(3), c);
}

/* Two of three were committed before the third was refused. */
static void
what_was_committed_in_vain_is_decommitted_again(void)
{
	struct chunk *c = take(3);

	is_scarce = true;
	put(c, 3);
	pagepool_purge(false, SIZE_MAX);
	fault_for_good(OS_CALL_COMMIT, 3);
	assert_null(pagepool_take(3, CHUNK_BYTES));
	faults_none();
	assert_int_equal(stats().npooled, 3);
	check_sums();
	pagepool_purge(false, SIZE_MAX);
	for (size_t i = 0; i < 3; i++)
		assert_false(c[i].is_committed);
}

/* What was committed before the run was asked for is not in vain. */
static void
a_dirty_neighbour_keeps_its_pages_when_a_run_is_refused(void)
{
	struct chunk *c = take(3);

	is_scarce = true;
	put(&c[1], 2);
	pagepool_purge(false, SIZE_MAX);
	soil(&c[0], 100);
	put(&c[0], 1);
	fault_for_good(OS_CALL_COMMIT, 2);
	assert_null(pagepool_take(3, CHUNK_BYTES));
	faults_none();
	assert_true(c[0].is_committed);
	assert_false(c[1].is_committed);
	assert_false(c[2].is_committed);
	assert_int_equal(resident_pages(c[0].base, 100), 100);
	assert_true(is_all(c[0].base, 1, 100 * PAGE_BYTES));
	check_sums();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	check_sums();
}

/* --- the charge that is there ---------------------------------------------------- */

/* Four chunks of the pool, of which the first and the third have no charge. */
static struct chunk *
put_half_committed(void)
{
	struct chunk *c = take(4);

	is_scarce = true;
	put(&c[0], 1);
	put(&c[2], 1);
	pagepool_purge(false, SIZE_MAX);
	put(&c[1], 1);
	put(&c[3], 1);
	/* None of them needs care now: they are found in address order. */
	is_scarce = false;
	pagepool_purge(true, 0);
	return c;
}

static void
a_chunk_with_its_charge_is_found_behind_one_without(void)
{
	struct chunk *c = put_half_committed();

	fault_for_good(OS_CALL_COMMIT, 1);
	assert_ptr_equal(pagepool_take(1, CHUNK_BYTES), &c[1]);
	assert_ptr_equal(pagepool_take(1, CHUNK_BYTES), &c[3]);
	assert_null(pagepool_take(1, CHUNK_BYTES));
	faults_none();
	assert_int_equal(stats().npooled, 2);
}

/* The first and the third have none: only the last two stand together. */
static void
neighbours_with_their_charge_are_found_behind_others(void)
{
	struct chunk *c = take(5);

	is_scarce = true;
	put(&c[0], 1);
	put(&c[2], 1);
	pagepool_purge(false, SIZE_MAX);
	put(&c[1], 1);
	put(&c[3], 2);
	is_scarce = false;
	pagepool_purge(true, 0);
	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(pagepool_take(3, CHUNK_BYTES));
	assert_ptr_equal(pagepool_take(2, CHUNK_BYTES), &c[3]);
	faults_none();
	assert_int_equal(stats().npooled, 3);
	assert_true(c[3].is_committed && c[4].is_committed);
}

/* --- through the page heap ---------------------------------------------------------------- */

static struct pageheap heap;

static void
runs_in_chunks_that_were_away_read_as_zero_when_it_is_said(void)
{
	bool is_zero = false;
	char *p = pageheap_alloc(&heap, 1000, 1, &is_zero);

	is_scarce = true;
	memset(p, 1, 1000 * PAGE_BYTES);
	pageheap_free(p, 1000);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 1000);
	assert_ptr_equal(pageheap_alloc(&heap, 1000, 1, &is_zero), p);
	assert_true(is_zero);
	assert_true(is_all(p, 0, 1000 * PAGE_BYTES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(where_memory_is_plenty_free_chunks_stay_committed),
		alone(where_commit_is_short_free_chunks_are_decommitted),
		alone(decommitted_chunks_are_taken_again_and_are_zero),
		alone(young_dirty_pages_keep_their_chunk),
		alone(when_commit_becomes_short_the_whole_pool_is_looked_at),
		alone(chunks_in_use_stay_where_they_are),
		alone(a_decommit_that_is_refused_is_tried_again),
		alone(seams_and_advice_go_with_the_mapping),
		alone(without_commit_a_chunk_is_refused_and_stays_in_the_pool),
		alone(what_was_committed_in_vain_is_decommitted_again),
		alone(a_dirty_neighbour_keeps_its_pages_when_a_run_is_refused),
		alone(a_chunk_with_its_charge_is_found_behind_one_without),
		alone(neighbours_with_their_charge_are_found_behind_others),
		alone(runs_in_chunks_that_were_away_read_as_zero_when_it_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

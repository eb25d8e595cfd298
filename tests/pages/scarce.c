/*
 * scarce.c -- free chunks where commit charge or address space is short: they
 * are given up, come back when wanted, and what somebody else mapped in their
 * place meanwhile is left alone.
 *
 * os_scarcity() is wrapped at link time: a test says what is short.
 */
#include "base/bits.h"
#include "faults.h"
#include "os/memory.h"
#include "pages/pageheap.h"
#include "unit.h"

enum os_scarcity __wrap_os_scarcity(void);

static enum os_scarcity scarcity, seen;

enum os_scarcity
__wrap_os_scarcity(void)
{
	seen = scarcity;
	return scarcity;
}

/* --- chunks ------------------------------------------------------------------- */

static struct chunk *
take(size_t count)
{
	struct chunk *c = pagepool_take(count, CHUNK_BYTES);

	assert_non_null(c);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(c[i].state, CHUNK_COMMITTED);
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
	       (seen != OS_PLENTY && c->state == CHUNK_COMMITTED);
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
		assert_true(in || c->state == CHUNK_COMMITTED);
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

/* Lines of /proc/self/status; KiB. */
static size_t
status(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	size_t len = strlen(name), kib = 0;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, name, len) == 0)
			kib = strtoul(line + len, NULL, 10);
	}
	fclose(f);
	return kib;
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
		assert_int_equal(c[i].state, CHUNK_COMMITTED);
	assert_int_equal(stats().purge.ndecommitted, 0);
	check_sums();
}

static void
where_commit_is_short_free_chunks_are_decommitted(void)
{
	struct chunk *c = take(3);
	size_t before = status("VmData:");

	scarcity = OS_SCARCE_COMMIT;
	soil(&c[1], 100);
	put(c, 3);
	check_sums();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(c[i].state, CHUNK_RESERVED);
		assert_false(is_readable(c[i].base));
		/* Nobody else can get there. */
		assert_true(is_mapped(c[i].base));
	}
	assert_int_equal(stats().purge.ndecommitted, 3);
	assert_int_equal(stats().purge.npages, 100);
	assert_int_equal(before - status("VmData:"), 3 * CHUNK_KIB);
	check_sums();
	/* There is nothing more to do. */
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_int_equal(stats().purge.ndecommitted, 3);
}

static void
decommitted_chunks_are_taken_again_and_are_zero(void)
{
	struct chunk *c = take(3);
	size_t before = status("VmData:");

	scarcity = OS_SCARCE_COMMIT;
	for (size_t i = 0; i < 3; i++)
		soil(&c[i], 100);
	put(c, 3);
	pagepool_purge(false, SIZE_MAX);
	assert_ptr_equal(take(3), c);
	assert_true(is_all(c->base, 0, 3 * CHUNK_BYTES));
	memset(c->base, 1, 3 * CHUNK_BYTES);
	assert_int_equal(status("VmData:"), before);
	assert_int_equal(stats().nchunks, 3);
	check_sums();
}

/* Dirty pages first wait for their tick, whatever is short. */
static void
young_dirty_pages_keep_their_chunk(void)
{
	struct chunk *c = take(1);

	scarcity = OS_SCARCE_COMMIT;
	soil(c, 100);
	put(c, 1);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_int_equal(c->state, CHUNK_COMMITTED);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 100);
	assert_int_equal(c->state, CHUNK_RESERVED);
	check_sums();
}

static void
when_commit_becomes_short_the_whole_pool_is_looked_at(void)
{
	struct chunk *c = take(20);

	put(c, 20);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(c->state, CHUNK_COMMITTED);
	scarcity = OS_SCARCE_COMMIT;
	pagepool_purge(true, 0);
	assert_int_equal(stats().purge.ndecommitted, 20);
	check_sums();
	/* And when it is no longer short they stay. */
	scarcity = OS_PLENTY;
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

	scarcity = OS_SCARCE_COMMIT;
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

	scarcity = OS_SCARCE_COMMIT;
	put(c, 1);
	fault_once(OS_CALL_PURGE, 1);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_int_equal(c->state, CHUNK_COMMITTED);
	check_sums();
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(c->state, CHUNK_RESERVED);
	check_sums();
}

/* A decommit leaves nothing of the old mapping; healing it would be in vain. */
static void
seams_and_advice_go_with_the_mapping(void)
{
	struct chunk *c = take(2);

	scarcity = OS_SCARCE_COMMIT;
	pagepool_note_moved(&c[0], true);
	c[1].is_small_paged = true;
	put(c, 2);
	pagepool_purge(false, SIZE_MAX);
	pagepool_purge(false, SIZE_MAX);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(c[i].state, CHUNK_RESERVED);
		assert_false(c[i].has_moved_pages);
		assert_false(c[i].is_small_paged);
	}
	check_sums();
}

static void
without_commit_a_chunk_is_refused_and_stays_in_the_pool(void)
{
	struct chunk *c = take(3);

	scarcity = OS_SCARCE_COMMIT;
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

/* --- address space ------------------------------------------------------------------ */

static void
where_addresses_are_short_free_chunks_are_unmapped(void)
{
	struct chunk *c = take(3);
	size_t data = status("VmData:"), size = status("VmSize:");

	scarcity = OS_SCARCE_ADDRESSES;
	soil(&c[1], 100);
	put(c, 3);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 100);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(c[i].state, CHUNK_UNMAPPED);
		assert_false(is_mapped(c[i].base));
	}
	assert_int_equal(stats().purge.ndecommitted, 3);
	assert_int_equal(size - status("VmSize:"), 3 * CHUNK_KIB);
	assert_int_equal(data - status("VmData:"), 3 * CHUNK_KIB);
	check_sums();
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 0);
	assert_int_equal(stats().purge.ndecommitted, 3);
}

static void
unmapped_chunks_are_taken_again_and_are_zero(void)
{
	struct chunk *c = take(3);
	size_t before = status("VmSize:");

	scarcity = OS_SCARCE_ADDRESSES;
	soil(&c[0], 200);
	put(c, 3);
	pagepool_purge(false, SIZE_MAX);
	assert_ptr_equal(take(3), c);
	assert_true(is_all(c->base, 0, 3 * CHUNK_BYTES));
	memset(c->base, 1, 3 * CHUNK_BYTES);
	assert_int_equal(status("VmSize:"), before);
	check_sums();
}

/* Chunks that were decommitted and are unmapped later, or the other way round. */
static void
what_is_short_may_change(void)
{
	struct chunk *c = take(3);

	scarcity = OS_SCARCE_COMMIT;
	put(&c[0], 1);
	pagepool_purge(false, SIZE_MAX);
	scarcity = OS_SCARCE_ADDRESSES;
	put(&c[1], 1);
	pagepool_purge(false, SIZE_MAX);
	scarcity = OS_PLENTY;
	put(&c[2], 1);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(c[1].state, CHUNK_UNMAPPED);
	assert_int_equal(c[2].state, CHUNK_COMMITTED);
	check_sums();
	assert_ptr_equal(take(3), c);
	memset(c->base, 1, 3 * CHUNK_BYTES);
	check_sums();
}

/* --- somebody else in the place --------------------------------------------------------- */

static char *
squat(char *at)
{
	char *p = mmap(at, PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	assert_ptr_equal(p, at);
	memset(p, 0xab, PAGE_BYTES);
	return p;
}

static void
unmap_all(struct chunk *c, size_t count)
{
	scarcity = OS_SCARCE_ADDRESSES;
	put(c, count);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(stats().purge.ndecommitted, count);
}

static void
a_chunk_where_somebody_else_is_now_is_passed_over(void)
{
	struct chunk *c = take(2), *d;
	char *foreign;

	unmap_all(c, 2);
	foreign = squat(c[0].base + 7 * PAGE_BYTES);
	d = take(1);
	assert_ptr_equal(d, &c[1]);
	d = take(1);
	assert_ptr_not_equal(d, &c[0]);
	memset(d->base, 1, CHUNK_BYTES);
	assert_true(is_all(foreign, 0xab, PAGE_BYTES));
	assert_int_equal(stats().npooled, 1);
	check_sums();
	/* A purge does not take it for ours. */
	pagepool_purge(false, SIZE_MAX);
	assert_true(is_all(foreign, 0xab, PAGE_BYTES));
	/* When they are gone, it is taken. */
	assert_int_equal(munmap(foreign, PAGE_BYTES), 0);
	assert_ptr_equal(take(1), &c[0]);
	assert_int_equal(stats().npooled, 0);
}

static void
neighbours_of_which_one_is_taken_are_passed_over(void)
{
	struct chunk *c = take(6), *d;
	char *foreign;

	unmap_all(c, 6);
	foreign = squat(c[1].base);
	d = take(3);
	assert_true(d > &c[1]);
	assert_true(d + 3 <= &c[6]);
	memset(d->base, 1, 3 * CHUNK_BYTES);
	assert_true(is_all(foreign, 0xab, PAGE_BYTES));
	assert_int_equal(stats().npooled, 3);
}

/* However many there are, memory is to be had. */
static void
chunks_that_are_all_taken_are_followed_by_new_ones(void)
{
	struct chunk *c = take(12), *d;
	char *foreign[12];

	unmap_all(c, 12);
	for (size_t i = 0; i < 12; i++)
		foreign[i] = squat(c[i].base + CHUNK_BYTES - PAGE_BYTES);
	d = take(2);
	assert_true(d >= &c[12]);
	memset(d->base, 1, 2 * CHUNK_BYTES);
	for (size_t i = 0; i < 12; i++)
		assert_true(is_all(foreign[i], 0xab, PAGE_BYTES));
	assert_int_equal(stats().npooled, 12);
	check_sums();
}

static void
a_run_does_not_grow_over_what_somebody_else_has(void)
{
	struct chunk *c = take(3);
	char *foreign;

	unmap_all(&c[1], 2);
	foreign = squat(c[2].base);
	assert_false(pagepool_take_at(&c[1], 2));
	assert_int_equal(stats().npooled, 2);
	assert_true(is_all(foreign, 0xab, PAGE_BYTES));
	assert_true(pagepool_take_at(&c[1], 1));
	assert_int_equal(c[1].state, CHUNK_COMMITTED);
	memset(c[1].base, 1, CHUNK_BYTES);
	assert_true(is_all(foreign, 0xab, PAGE_BYTES));
	pagepool_purge(false, SIZE_MAX);
	check_sums();
}

/* --- through the page heap ---------------------------------------------------------------- */

static struct pageheap heap;

static void
runs_in_chunks_that_were_away_read_as_zero_when_it_is_said(void)
{
	static const enum os_scarcity kinds[] = { OS_SCARCE_COMMIT,
						  OS_SCARCE_ADDRESSES };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		bool is_zero = false;
		char *p = pageheap_alloc(&heap, 1000, 1, &is_zero);

		memset(p, 1, 1000 * PAGE_BYTES);
		pageheap_free(p, 1000);
		scarcity = kinds[i];
		assert_int_equal(pagepool_purge(false, SIZE_MAX), 1000);
		is_zero = false;
		assert_ptr_equal(pageheap_alloc(&heap, 1000, 1, &is_zero), p);
		assert_true(is_zero);
		assert_true(is_all(p, 0, 1000 * PAGE_BYTES));
		pageheap_free(p, 1000);
		pagepool_purge(false, SIZE_MAX);
	}
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
		alone(where_addresses_are_short_free_chunks_are_unmapped),
		alone(unmapped_chunks_are_taken_again_and_are_zero),
		alone(what_is_short_may_change),
		alone(a_chunk_where_somebody_else_is_now_is_passed_over),
		alone(neighbours_of_which_one_is_taken_are_passed_over),
		alone(chunks_that_are_all_taken_are_followed_by_new_ones),
		alone(a_run_does_not_grow_over_what_somebody_else_has),
		alone(runs_in_chunks_that_were_away_read_as_zero_when_it_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

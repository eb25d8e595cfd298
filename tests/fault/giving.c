/*
 * giving.c -- pages of slabs and whole chunks that are given back and taken
 * again while the kernel refuses: blocks keep their contents, the answer is
 * NULL at worst, and afterwards all that is free goes back.
 *
 * os_commit_is_scarce() is wrapped at link time: the same load runs where
 * commit charge is short and where it is not.
 */
#include "base/bits.h"
#include "cache/drain.h"
#include "cache/floor.h"
#include "control/stats.h"
#include "control/trim.h"
#include "fault/every_call.h"
#include "os/memory.h"

bool __wrap_os_commit_is_scarce(void);

static bool is_scarce;

bool
__wrap_os_commit_is_scarce(void)
{
	return is_scarce;
}

/* --- blocks ---------------------------------------------------------------------- */

static const size_t sizes[] = { 48, 400, 1360, 2304, 4096, 14336 };

#define NSIZES  COUNT_OF(sizes)
#define NBLOCKS 70
#define NRUNS   3

/* Every so many blocks one stays. */
#define STAYS 9

static uint64_t *blocks[NSIZES][NBLOCKS];
static char *runs[NRUNS];
static const size_t npages[NRUNS] = { 600, 1100, 40 };

/* How many requests were granted. */
static size_t ngranted;

static void
sign(uint64_t *p, size_t bytes)
{
	for (size_t k = 0; k < bytes / 8; k++)
		p[k] = (uintptr_t)p + k;
}

static void
expect_signed(const uint64_t *p, size_t bytes)
{
	for (size_t k = 0; k < bytes / 8; k++)
		assert_true(p[k] == (uintptr_t)p + k);
}

static void
take_blocks(void)
{
	for (size_t i = 0; i < NSIZES; i++) {
		for (size_t k = 0; k < NBLOCKS; k++) {
			if (blocks[i][k] != NULL)
				continue;
			blocks[i][k] = block_alloc(size_class(sizes[i]));
			if (blocks[i][k] == NULL)
				continue;
			sign(blocks[i][k], sizes[i]);
			ngranted++;
		}
	}
}

static void
free_blocks(size_t stays)
{
	for (size_t i = 0; i < NSIZES; i++) {
		for (size_t k = 0; k < NBLOCKS; k++) {
			if (blocks[i][k] == NULL ||
			    (stays > 0 && k % stays == 0))
				continue;
			expect_signed(blocks[i][k], sizes[i]);
			block_free(blocks[i][k], size_class(sizes[i]));
			blocks[i][k] = NULL;
		}
	}
}

static void
take_runs(void)
{
	for (size_t i = 0; i < NRUNS; i++) {
		bool is_zero;

		runs[i] = large_alloc(cache_arena(), npages[i], 1, CLASS_RUN,
				      &is_zero);
		if (runs[i] == NULL)
			continue;
		assert_true(!is_zero ||
			    is_all(runs[i], 0, npages[i] * PAGE_BYTES));
		memset(runs[i], (int)i + 1, npages[i] * PAGE_BYTES);
		ngranted++;
	}
}

static void
free_runs(void)
{
	for (size_t i = 0; i < NRUNS; i++) {
		if (runs[i] == NULL)
			continue;
		assert_true(is_all(runs[i], (unsigned char)(i + 1),
				   npages[i] * PAGE_BYTES));
		large_free(runs[i]);
		runs[i] = NULL;
	}
}

/* --- the load ------------------------------------------------------------------------ */

static void
run(void)
{
	thread_boot();
	take_blocks();
	take_runs();
	free_blocks(STAYS);
	free_runs();
	trim_now();
	/* Hidden slots come back, and chunks. */
	take_blocks();
	take_runs();
	free_blocks(STAYS);
	free_runs();
	trim_now();
	take_runs();
	free_blocks(0);
	trim_now();
	free_runs();
	trim_now();
}

/* What is free is with the kernel, as far as it is short of it. */
static void
expect_given_up(const struct region *r)
{
	for (size_t i = 0; i < r->nchunks; i++) {
		const struct chunk *c = &r->chunks[i];

		if (!bits_test(r->pool, i))
			continue;
		assert_int_equal(c->ndirty, 0);
		assert_true(!is_scarce || !c->is_committed);
		assert_int_equal(is_readable(c->base), c->is_committed);
	}
}

static void
expect_nothing_out(void)
{
	static struct stats s;

	trim_now();
	stats_take(&s);
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.dirty, 0);
	/* Where the process could not be registered caches are not drained. */
	if (s.cached == 0) {
		assert_int_equal(s.active, 0);
		assert_int_equal(s.slab_away, 0);
	}
	for (unsigned i = 0; i < atomic_load(&nregions); i++)
		expect_given_up(&regions[i]);
}

static void
check(void)
{
	expect_nothing_out();
	ngranted = 0;
	take_blocks();
	take_runs();
	assert_int_equal(ngranted, NSIZES * NBLOCKS + NRUNS);
	free_blocks(0);
	free_runs();
	expect_nothing_out();
}

static const struct load load = { run, check };

/* --- what is refused -------------------------------------------------------------------- */

/* Under both rules; the fewest calls. */
static unsigned
survive_both(enum os_call call)
{
	unsigned plenty, scarce;

	is_scarce = false;
	plenty = survive_every(&load, call);
	is_scarce = true;
	print_message("# where commit charge is short:\n");
	scarce = survive_every(&load, call);
	return plenty < scarce ? plenty : scarce;
}

static void
the_load_gives_pages_of_slabs_and_chunks_back(void)
{
	static struct stats s;

	is_scarce = true;
	run();
	stats_take(&s);
	assert_true(s.reclaim.slabs.npages > 0);
	assert_true(s.nrefaults > 0);
	assert_true(s.purge.ndecommitted > 0);
	check();
}

static void
purges_that_are_refused_change_no_block_and_are_made_good(void **state)
{
	(void)state;
	assert_true(survive_both(OS_CALL_PURGE) >= 10);
}

static void
commits_that_are_refused_change_no_block_and_are_made_good(void **state)
{
	(void)state;
	assert_true(survive_both(OS_CALL_COMMIT) >= 5);
}

static void
records_that_are_refused_change_no_block_and_are_made_good(void **state)
{
	(void)state;
	assert_true(survive_both(OS_CALL_MAP) >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(the_load_gives_pages_of_slabs_and_chunks_back),
		cmocka_unit_test(
			purges_that_are_refused_change_no_block_and_are_made_good),
		cmocka_unit_test(
			commits_that_are_refused_change_no_block_and_are_made_good),
		cmocka_unit_test(
			records_that_are_refused_change_no_block_and_are_made_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * floors.c -- page runs, slabs, caches and drains while the kernel refuses.
 *
 * Whatever is refused: the answer is NULL or a short count, nobody crashes,
 * nothing is lost, and afterwards all works again.
 */
#include "cache/drain.h"
#include "cache/floor.h"
#include "control/stats.h"
#include "control/trim.h"
#include "fault/every_call.h"
#include "pages/meta.h"

#define NBLOCKS 300
#define NRUNS   12

static _Thread_local void *blocks[NBLOCKS];
static _Thread_local unsigned classes[NBLOCKS];
static void *runs[NRUNS];

/* How many requests were granted. */
static size_t ngranted;

static void
take_blocks(void)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		classes[i] = 1 + i * 17 % CLASS_LARGE_MAX;
		blocks[i] = block_alloc(classes[i]);
		if (blocks[i] == NULL)
			continue;
		memset(blocks[i], (int)(i % 255 + 1),
		       min_size(class_size(classes[i]), 8192));
		ngranted++;
	}
}

static void
free_blocks(void)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		if (blocks[i] == NULL)
			continue;
		assert_true(is_all(blocks[i], (unsigned char)(i % 255 + 1),
				   min_size(class_size(classes[i]), 8192)));
		block_free(blocks[i], classes[i]);
		blocks[i] = NULL;
	}
}

static void
take_runs(void)
{
	static const size_t npages[] = { 1, 5, 300, 513, 1500, 2000 };
	bool is_zero;

	for (unsigned i = 0; i < NRUNS; i++) {
		runs[i] = large_alloc(cache_arena(), npages[i % 6],
				      i < 6 ? 1 : 4 * MIB, CLASS_RUN, &is_zero);
		if (runs[i] == NULL)
			continue;
		memset(runs[i], (int)i + 1, PAGE_BYTES);
		ngranted++;
	}
}

/* Grows, shrinks and moves; a refusal leaves the run as it was. */
static void
change_runs(void)
{
	for (unsigned i = 0; i < NRUNS; i++) {
		size_t npages;
		void *to;

		if (runs[i] == NULL)
			continue;
		npages = large_npages(runs[i]);
		large_resize(runs[i], npages + 10, CLASS_RUN);
		large_resize(runs[i], npages, CLASS_RUN);
		to = large_move(cache_arena(), runs[i], npages + 700);
		if (to != NULL)
			runs[i] = to;
	}
}

static void
free_runs(void)
{
	for (unsigned i = 0; i < NRUNS; i++) {
		if (runs[i] == NULL)
			continue;
		assert_true(
			is_all(runs[i], (unsigned char)(i + 1), PAGE_BYTES));
		large_free(runs[i]);
		runs[i] = NULL;
	}
}

/* In a thread of its own: birth, blocks, death. */
static void *
live(void *arg)
{
	(void)arg;
	take_blocks();
	drain_caches(false);
	free_blocks();
	return NULL;
}

static void
live_here(void *arg)
{
	live(arg);
}

static void
live_in_a_thread(void)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, live, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Leaves little room for records, so that several mappings are needed. */
static void
use_up_records(void)
{
	for (unsigned i = 0; i < 15; i++)
		meta_alloc(META_MAX_BYTES);
}

static void
run(void)
{
	struct helper idle;

	thread_boot();
	use_up_records();
	take_blocks();
	use_up_records();
	take_runs();
	change_runs();
	helper_start(&idle);
	helper_do(&idle, live_here, NULL);
	live_in_a_thread();
	free_blocks();
	drain_caches(true);
	drain_caches(true);
	free_runs();
	trim_now();
	helper_end(&idle);
}

static void
expect_nothing_out(void)
{
	static struct stats s;

	trim_now();
	stats_take(&s);
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.active,
			 s.cached + s.shelved + s.slab_free + s.slab_away);
	/* Where the process could not be registered caches are not drained. */
	if (s.cached == 0)
		assert_int_equal(s.active, 0);
	assert_int_equal(s.dirty, 0);
}

static void
check(void)
{
	expect_nothing_out();
	ngranted = 0;
	take_blocks();
	take_runs();
	assert_int_equal(ngranted, NBLOCKS + NRUNS);
	free_blocks();
	free_runs();
	expect_nothing_out();
}

static const struct load load = { run, check };

static void
address_space_that_is_refused_is_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_RESERVE) >= 1);
}

static void
commits_that_are_refused_are_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_COMMIT) >= 10);
}

static void
mappings_that_are_refused_are_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MAP) >= 2);
}

static void
purges_that_are_refused_are_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_PURGE) >= 1);
}

static void
moves_that_are_refused_are_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MOVE) >= 3);
}

static void
membarriers_that_are_refused_are_survived(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MEMBARRIER) >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_space_that_is_refused_is_survived),
		cmocka_unit_test(commits_that_are_refused_are_survived),
		cmocka_unit_test(mappings_that_are_refused_are_survived),
		cmocka_unit_test(purges_that_are_refused_are_survived),
		cmocka_unit_test(moves_that_are_refused_are_survived),
		cmocka_unit_test(membarriers_that_are_refused_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * drain.c -- taking back what the caches of other threads hold.
 */
#include "cache/drain.h"
#include "cache/floor.h"
#include "faults.h"

#define CLS   7u
#define LARGE 80u

static struct helper helper;
static void *block;
static struct tcache *cache;

/* Leaves some blocks of two classes in the thread's cache. */
static void
keep_some(void *arg)
{
	void *p[20];

	(void)arg;
	for (size_t i = 0; i < 20; i++)
		p[i] = block_alloc(CLS);
	for (size_t i = 0; i < 20; i++)
		block_free(p[i], CLS);
	p[0] = block_alloc(LARGE);
	block_free(p[0], LARGE);
	cache = cache_own();
}

static void
pop_one(void *arg)
{
	(void)arg;
	block = block_alloc(CLS);
}

static void
push_one(void *arg)
{
	(void)arg;
	block_free(block, CLS);
}

static void *run;

static void
pop_both(void *arg)
{
	pop_one(arg);
	run = block_alloc(LARGE);
}

static void
push_both(void *arg)
{
	push_one(arg);
	block_free(run, LARGE);
}

static void
enter(void *arg)
{
	(void)arg;
	cache_enter();
}

static void
leave(void *arg)
{
	(void)arg;
	cache_leave();
}

static void
begin(void)
{
	thread_boot();
	helper_start(&helper);
	helper_do(&helper, keep_some, NULL);
}

static size_t
nused(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < ARENAS_MAX; i++)
		n += arenas[i].bins[CLS].nused;
	return n;
}

static void
expect_result(struct drain_result r, size_t ncaches, size_t ndrained,
	      size_t nactive)
{
	assert_int_equal(r.ncaches, ncaches);
	assert_int_equal(r.ndrained, ndrained);
	assert_int_equal(r.nactive, nactive);
}

static void
a_cache_is_drained_when_its_thread_did_nothing_between_two_visits(void)
{
	begin();
	expect_result(drain_caches(true), 1, 0, 1);
	assert_true(nused() > 0);
	expect_result(drain_caches(true), 1, 1, 0);
	assert_int_equal(nused(), 0);
	/* From now on it costs a visit and nothing else. */
	fault_once(OS_CALL_MEMBARRIER, 0);
	expect_result(drain_caches(true), 1, 0, 0);
	assert_int_equal(faults_count(OS_CALL_MEMBARRIER), 0);
	helper_end(&helper);
}

static void
a_thread_that_popped_or_pushed_keeps_its_cache(void)
{
	begin();
	drain_caches(true);
	helper_do(&helper, pop_one, NULL);
	expect_result(drain_caches(true), 1, 0, 1);
	helper_do(&helper, push_one, NULL);
	expect_result(drain_caches(true), 1, 0, 1);
	assert_true(nused() > 0);
	expect_result(drain_caches(true), 1, 1, 0);
	helper_end(&helper);
}

/* Its stacks tell that it was at work: no membarrier, no closed cache. */
static void
an_active_thread_is_not_disturbed_by_a_look(void)
{
	begin();
	drain_caches(true);
	fault_once(OS_CALL_MEMBARRIER, 0);
	for (unsigned i = 0; i < 10; i++) {
		/* Both classes, each with another end. */
		helper_do(&helper, i % 2 ? push_both : pop_both, NULL);
		expect_result(drain_caches(true), 1, 0, 1);
		assert_false(cache->is_parked);
	}
	assert_int_equal(faults_count(OS_CALL_MEMBARRIER), 0);
	helper_end(&helper);
}

static void
a_drained_thread_fills_its_cache_again_and_is_active(void)
{
	begin();
	drain_caches(true);
	drain_caches(true);
	helper_do(&helper, keep_some, NULL);
	assert_true(nused() > 0);
	expect_result(drain_caches(true), 1, 0, 1);
	expect_result(drain_caches(true), 1, 1, 0);
	assert_int_equal(nused(), 0);
	helper_end(&helper);
}

static void
all_caches_are_drained_at_once_the_callers_too(void)
{
	begin();
	keep_some(NULL);
	expect_result(drain_caches(false), 2, 2, 0);
	assert_int_equal(nused(), 0);
	helper_do(&helper, keep_some, NULL);
	keep_some(NULL);
	helper_end(&helper);
}

static void
a_thread_in_its_fast_path_is_spared(void)
{
	begin();
	helper_do(&helper, enter, NULL);
	expect_result(drain_caches(false), 1, 0, 1);
	assert_true(nused() > 0);
	helper_do(&helper, leave, NULL);
	expect_result(drain_caches(false), 1, 1, 0);
	assert_int_equal(nused(), 0);
	helper_end(&helper);
}

static void
without_membarrier_other_caches_stay_and_the_callers_goes(void)
{
	begin();
	keep_some(NULL);
	fault_for_good(OS_CALL_MEMBARRIER, 1);
	/* There is no use in coming back for what cannot be had. */
	expect_result(drain_caches(false), 2, 1, 0);
	assert_true(nused() > 0);
	helper_do(&helper, keep_some, NULL);
	helper_end(&helper);
	assert_int_equal(nused(), 0);
}

/* --- finding -------------------------------------------------------------------- */

static void
a_free_block_is_found_in_whichever_cache_holds_it(void)
{
	begin();
	helper_do(&helper, pop_one, NULL);
	assert_false(drain_find(block, CLS));
	helper_do(&helper, push_one, NULL);
	assert_true(drain_find(block, CLS));
	/* Freed by us, it lies in our own cache. */
	helper_do(&helper, pop_one, NULL);
	push_one(NULL);
	assert_true(drain_find(block, CLS));
	assert_false(drain_find(block, CLS + 1));
	helper_end(&helper);
}

static void
looking_for_a_block_changes_nothing(void)
{
	void *p;

	begin();
	helper_do(&helper, pop_one, NULL);
	p = block;
	helper_do(&helper, push_one, NULL);
	assert_true(drain_find(p, CLS));
	helper_do(&helper, pop_one, NULL);
	assert_ptr_equal(block, p);
	helper_end(&helper);
}

static void
looking_for_a_block_wakes_no_idle_cache(void)
{
	begin();
	drain_caches(true);
	drain_caches(true);
	assert_true(cache->is_parked);
	assert_false(drain_find(&helper, CLS));
	expect_result(drain_caches(true), 1, 0, 0);
	helper_end(&helper);
}

/* --- counting ------------------------------------------------------------------- */

static void
all_blocks_that_caches_hold_are_counted(void)
{
	size_t counts[NCLASSES] = { 0 };

	begin();
	keep_some(NULL);
	drain_count(counts);
	assert_int_equal(counts[CLS], nused());
	assert_int_equal(counts[LARGE], 2);
	assert_int_equal(counts[CLS + 1], 0);
	/* It adds up. */
	drain_count(counts);
	assert_int_equal(counts[LARGE], 4);
	helper_end(&helper);
}

static void
counting_closes_and_opens_no_cache(void)
{
	size_t counts[NCLASSES] = { 0 };

	begin();
	drain_count(counts);
	assert_false(cache->is_parked);
	drain_caches(false);
	assert_true(cache->is_parked);
	drain_count(counts);
	assert_true(cache->is_parked);
	expect_result(drain_caches(true), 1, 0, 0);
	helper_end(&helper);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_cache_is_drained_when_its_thread_did_nothing_between_two_visits),
		alone(a_thread_that_popped_or_pushed_keeps_its_cache),
		alone(an_active_thread_is_not_disturbed_by_a_look),
		alone(a_drained_thread_fills_its_cache_again_and_is_active),
		alone(all_caches_are_drained_at_once_the_callers_too),
		alone(a_thread_in_its_fast_path_is_spared),
		alone(without_membarrier_other_caches_stay_and_the_callers_goes),
		alone(a_free_block_is_found_in_whichever_cache_holds_it),
		alone(looking_for_a_block_changes_nothing),
		alone(looking_for_a_block_wakes_no_idle_cache),
		alone(all_blocks_that_caches_hold_are_counted),
		alone(counting_closes_and_opens_no_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * closing.c -- a cache is closed against its owner, at a chosen point of the
 * owner's fast path (alloc/cache/tcache.c).
 */
#include "cache/floor.h"
#include "faults.h"

static struct tcache *others;
static void *others_block;

static void
get_a_cache(void *arg)
{
	unsigned cls = *(unsigned *)arg;

	others_block = block_alloc(cls);
	block_free(others_block, cls);
	others = cache_own();
}

static void
enter(void *arg)
{
	*(struct tcache **)arg = cache_enter();
}

static void
leave(void *arg)
{
	(void)arg;
	cache_leave();
}

static void
take_one(void *arg)
{
	others_block = block_alloc(*(unsigned *)arg);
}

static bool
close_others(void)
{
	bool ok;

	lock_take(&others->lock, LOCK_CACHE);
	ok = cache_close(others);
	lock_drop(&others->lock, LOCK_CACHE);
	return ok;
}

static void
the_cache_of_an_idle_thread_can_be_closed(void)
{
	unsigned cls = size_class(100);
	struct tcache *seen;
	struct helper h;
	void *p;

	thread_boot();
	helper_start(&h);
	helper_do(&h, get_a_cache, &cls);
	p = others_block;
	assert_true(close_others());
	assert_true(others->is_parked);
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, &tcache_closed);
	/* Its next block opens the cache, where the last one still lies. */
	helper_do(&h, take_one, &cls);
	assert_ptr_equal(others_block, p);
	assert_false(others->is_parked);
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, others);
	helper_end(&h);
}

static void
a_thread_in_its_fast_path_keeps_its_cache(void)
{
	unsigned cls = size_class(100);
	struct tcache *seen;
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, get_a_cache, &cls);
	helper_do(&h, enter, &seen);
	assert_ptr_equal(seen, others);
	assert_false(close_others());
	assert_false(others->is_parked);
	helper_do(&h, leave, NULL);
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, others);
	assert_true(close_others());
	helper_end(&h);
}

static void
without_membarrier_no_cache_is_closed(void)
{
	unsigned cls = size_class(100);
	struct tcache *seen;
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, get_a_cache, &cls);
	fault_for_good(OS_CALL_MEMBARRIER, 1);
	assert_false(close_others());
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, others);
	faults_none();
	assert_true(close_others());
	helper_end(&h);
}

/* As a fork does it: all at once, and nobody is waited for. */
static void
closing_in_two_steps_spares_who_is_in_the_middle(void)
{
	unsigned cls = size_class(100);
	struct tcache *seen;
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, get_a_cache, &cls);
	helper_do(&h, enter, &seen);
	lock_take(&others->lock, LOCK_CACHE);
	cache_close_begin(others);
	assert_true(os_membarrier());
	cache_close_end(others, true);
	assert_false(others->is_parked);
	/* It stays closed until it is opened. */
	helper_do(&h, leave, NULL);
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, &tcache_closed);
	cache_open(others);
	cache_close_begin(others);
	assert_true(os_membarrier());
	cache_close_end(others, true);
	assert_true(others->is_parked);
	cache_open(others);
	lock_drop(&others->lock, LOCK_CACHE);
	helper_do(&h, enter, &seen);
	helper_do(&h, leave, NULL);
	assert_ptr_equal(seen, others);
	helper_end(&h);
}

static void
a_close_without_its_membarrier_did_not_happen(void)
{
	unsigned cls = size_class(100);
	struct helper h;

	thread_boot();
	helper_start(&h);
	helper_do(&h, get_a_cache, &cls);
	lock_take(&others->lock, LOCK_CACHE);
	cache_close_begin(others);
	cache_close_end(others, false);
	assert_false(others->is_parked);
	cache_open(others);
	lock_drop(&others->lock, LOCK_CACHE);
	helper_end(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(the_cache_of_an_idle_thread_can_be_closed),
		alone(a_thread_in_its_fast_path_keeps_its_cache),
		alone(without_membarrier_no_cache_is_closed),
		alone(closing_in_two_steps_spares_who_is_in_the_middle),
		alone(a_close_without_its_membarrier_did_not_happen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

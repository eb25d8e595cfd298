/*
 * counts.c -- a thread that counts its bytes: its cache stays closed whatever
 * happens to it, and is used all the same.
 */
#include "cache/counts.h"
#include "cache/drain.h"
#include "cache/floor.h"
#include "cache/thread.h"
#include "heap/arena.h"

static struct tcache *
counted(void)
{
	thread_boot();
	assert_non_null(counts_get());
	return cache_own();
}

static bool
is_closed(const struct tcache *c)
{
	return c->is_parked && cache_enter() == &tcache_closed;
}

static void
bytes_are_counted_from_the_first_question_on(void)
{
	struct cache_counts *n;

	thread_boot();
	cache_note_alloc(100);
	n = counts_get();
	assert_int_equal(n->allocated, 0);
	cache_note_alloc(100);
	cache_note_free(30);
	assert_int_equal(n->allocated, 100);
	assert_int_equal(n->deallocated, 30);
	assert_ptr_equal(counts_get(), n);
}

static void
a_thread_that_is_forgotten_counts_anew(void)
{
	counted();
	cache_note_alloc(100);
	counts_forget();
	cache_note_alloc(100);
	assert_int_equal(counts_get()->allocated, 0);
}

static void
the_cache_stays_closed_and_keeps_blocks(void)
{
	struct tcache *c = counted();
	unsigned cls = size_class(100);
	void *p;

	assert_true(is_closed(c));
	cache_leave();
	p = block_alloc(cls);
	for (int i = 0; i < 1000; i++) {
		block_free(p, cls);
		assert_true(is_closed(c));
		cache_leave();
		assert_true(cache_holds(c, p, cls));
		assert_ptr_equal(block_alloc(cls), p);
		assert_true(is_closed(c));
		cache_leave();
	}
}

static void
drains_empty_it_and_leave_it_closed(void)
{
	struct tcache *c = counted();
	unsigned cls = size_class(100);

	for (int i = 0; i < 5; i++) {
		block_free(block_alloc(cls), cls);
		assert_true(cache_bin_count(&c->bins[cls]) > 0);
		assert_int_equal(drain_caches(false).nactive, 0);
		assert_int_equal(cache_bin_count(&c->bins[cls]), 0);
		assert_true(is_closed(c));
		cache_leave();
	}
}

static void
a_fork_leaves_it_closed_in_both_processes(void)
{
	struct tcache *c = counted();
	unsigned cls = size_class(100);

	block_free(block_alloc(cls), cls);
	thread_hold_all();
	thread_release_all();
	assert_true(is_closed(c));
	cache_leave();
	thread_hold_all();
	thread_child_release();
	assert_true(is_closed(c));
	cache_leave();
	block_free(block_alloc(cls), cls);
	assert_true(cache_bin_count(&c->bins[cls]) > 0);
}

static struct tcache *others;
static void *others_block;

static void
count_and_take(void *arg)
{
	unsigned cls = *(unsigned *)arg;

	counts_get();
	others = cache_own();
	others_block = block_alloc(cls);
	block_free(block_alloc(cls), cls);
}

/* Others see what a drain of their own would have left. */
static void
another_thread_may_drain_it_at_any_time(void)
{
	unsigned cls = size_class(100);
	struct helper h;
	bool has_own;

	thread_boot();
	helper_start(&h);
	helper_do(&h, count_and_take, &cls);
	assert_true(others->is_parked);
	assert_true(cache_bin_count(&others->bins[cls]) > 0);
	assert_int_equal(drain_caches(false).nactive, 0);
	assert_int_equal(cache_bin_count(&others->bins[cls]), 0);
	assert_true(others->is_parked && others->is_quiet);
	/* What happens afterwards is there to be drained again. */
	helper_do(&h, count_and_take, &cls);
	assert_false(others->is_quiet);
	drain_caches(false);
	assert_int_equal(cache_bin_count(&others->bins[cls]), 0);
	helper_end(&h);
	/* May be this thread's first look, which makes one. */
	has_own = cache_own() != NULL;
	assert_int_equal(thread_count(), has_own);
}

static void
a_thread_bound_to_an_arena_apart_uses_no_cache(void)
{
	struct tcache *c;
	unsigned cls = size_class(100);
	struct arena *a;
	void *p;

	thread_boot();
	c = cache_own();
	a = arena_make();
	block_free(block_alloc(cls), cls);
	assert_true(thread_set_arena(a));
	assert_int_equal(cache_bin_count(&c->bins[cls]), 0);
	p = block_alloc(cls);
	assert_ptr_equal(arena_of(p), a);
	assert_int_equal(a->bins[cls].nused, 1);
	block_free(p, cls);
	assert_int_equal(a->bins[cls].nused, 0);
	assert_true(is_closed(c));
	cache_leave();
	assert_true(thread_set_arena(&arenas[0]));
	block_free(block_alloc(cls), cls);
	assert_ptr_equal(cache_enter(), c);
	cache_leave();
	assert_true(cache_bin_count(&c->bins[cls]) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(bytes_are_counted_from_the_first_question_on),
		alone(a_thread_that_is_forgotten_counts_anew),
		alone(the_cache_stays_closed_and_keeps_blocks),
		alone(drains_empty_it_and_leave_it_closed),
		alone(a_fork_leaves_it_closed_in_both_processes),
		alone(another_thread_may_drain_it_at_any_time),
		alone(a_thread_bound_to_an_arena_apart_uses_no_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

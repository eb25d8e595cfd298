/*
 * explicit.c -- caches that the program makes: their numbers, whose blocks they
 * hold, what is found in them, and their end.
 */
#include "cache/drain.h"
#include "cache/explicit.h"
#include "cache/floor.h"
#include "cache/thread.h"

static struct arena *apart, *other;

/* Caches need a thread whose arena is known. */
static unsigned
make(void)
{
	unsigned index = UINT32_MAX;

	if (apart == NULL) {
		thread_boot();
		apart = arena_make();
		other = arena_make();
	}
	assert_true(explicit_make(&index));
	return index;
}

static size_t
held(const struct explicit_cache *e)
{
	size_t n = 0;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		n += cache_bin_count(&e->cache.bins[cls]);
	return n;
}

static void *
get(struct explicit_cache *e, struct arena *a, unsigned cls)
{
	bool is_zero;
	void *p = explicit_alloc(e, a, cls, &is_zero);

	assert_non_null(p);
	return p;
}

static void
numbers_begin_with_0_and_are_used_again(void)
{
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(make(), i);
	assert_true(explicit_end(3));
	assert_true(explicit_end(7));
	assert_null(explicit_find(3));
	assert_int_equal(make(), 3);
	assert_int_equal(make(), 7);
	assert_int_equal(make(), 10);
}

static void
there_are_as_many_as_flags_can_name(void)
{
	unsigned index;

	for (unsigned i = 0; i < EXPLICIT_MAX; i++)
		assert_int_equal(make(), i);
	assert_false(explicit_make(&index));
	assert_true(explicit_end(EXPLICIT_MAX - 1));
	assert_int_equal(make(), EXPLICIT_MAX - 1);
}

static void
what_does_not_exist_is_neither_found_nor_emptied_nor_ended(void)
{
	unsigned index = make();

	assert_null(explicit_find(index + 1));
	assert_null(explicit_find(UINT32_MAX));
	assert_false(explicit_flush(index + 1));
	assert_false(explicit_end(UINT32_MAX));
	assert_true(explicit_end(index));
	assert_false(explicit_end(index));
	assert_false(explicit_flush(index));
}

static void
the_block_freed_last_is_handed_out_first(void)
{
	struct explicit_cache *e = explicit_find(make());

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		void *p = get(e, apart, cls);

		explicit_free(e, p, cls);
		assert_ptr_equal(get(e, apart, cls), p);
		assert_ptr_equal(arena_of(p), apart);
	}
}

static void
page_runs_of_threads_arenas_are_kept_and_those_apart_are_not(void)
{
	struct explicit_cache *e = explicit_find(make());
	unsigned cls = size_class(64 * KIB);
	void *p = get(e, &arenas[0], cls);

	explicit_free(e, p, cls);
	assert_int_equal(held(e), 1);
	assert_ptr_equal(get(e, NULL, cls), p);
	p = get(e, apart, cls);
	explicit_free(e, p, CLASS_RUN);
	assert_int_equal(held(e), 0);
}

static void
a_cache_holds_blocks_of_one_arena_alone(void)
{
	struct explicit_cache *e = explicit_find(make());
	void *p = get(e, apart, 3), *q = get(e, other, 3), *r;

	assert_ptr_equal(arena_of(p), apart);
	assert_ptr_equal(arena_of(q), other);
	/* Those of the first one left with the second request. */
	assert_int_equal(apart->bins[3].nused, 1);
	explicit_free(e, p, 3);
	assert_int_equal(apart->bins[3].nused, 0);
	r = get(e, NULL, 3);
	assert_ptr_equal(arena_of(r), other);
	explicit_free(e, q, 3);
	explicit_free(e, r, 3);
	assert_true(held(e) >= 2);
}

static void
an_emptied_cache_gave_everything_back(void)
{
	unsigned index = make();
	struct explicit_cache *e = explicit_find(index);

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
		explicit_free(e, get(e, apart, cls), cls);
	assert_true(held(e) > 0);
	assert_true(explicit_flush(index));
	assert_int_equal(held(e), 0);
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
		assert_int_equal(apart->bins[cls].nused, 0);
	explicit_free(e, get(e, apart, 5), 5);
	assert_true(explicit_end(index));
	assert_int_equal(apart->bins[5].nused, 0);
}

static void
an_arena_s_caches_give_up_its_blocks_and_others_keep_theirs(void)
{
	struct explicit_cache *e = explicit_find(make());
	struct explicit_cache *f = explicit_find(make());

	explicit_free(e, get(e, apart, 5), 5);
	explicit_free(f, get(f, other, 5), 5);
	explicit_leave(apart, false);
	assert_int_equal(held(e), 0);
	assert_ptr_equal(e->cache.arena, apart);
	assert_true(held(f) > 0);
	explicit_leave(apart, true);
	assert_ptr_equal(e->cache.arena, &arenas[0]);
}

static void
blocks_in_them_are_found_counted_and_drained(void)
{
	struct explicit_cache *e = explicit_find(make());
	size_t counts[NCLASSES] = { 0 };
	void *p = get(e, apart, 9);

	assert_false(drain_find(p, 9));
	explicit_free(e, p, 9);
	assert_true(drain_find(p, 9));
	drain_count(counts);
	assert_int_equal(counts[9], held(e));
	/* Nothing happens to it between two looks. */
	drain_caches(true);
	drain_caches(true);
	assert_int_equal(held(e), 0);
	explicit_free(e, get(e, apart, 9), 9);
	drain_caches(false);
	assert_int_equal(held(e), 0);
}

static struct explicit_cache *ended;

static void
use_ended(void)
{
	bool is_zero;

	ended = explicit_find(make());
	explicit_end(0);
	explicit_alloc(ended, NULL, 1, &is_zero);
}

static void
who_uses_an_ended_cache_dies(void **state)
{
	(void)state;
	expect_death(use_ended,
		     "a thread cache was destroyed while it was used");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(numbers_begin_with_0_and_are_used_again),
		alone(there_are_as_many_as_flags_can_name),
		alone(what_does_not_exist_is_neither_found_nor_emptied_nor_ended),
		alone(the_block_freed_last_is_handed_out_first),
		alone(page_runs_of_threads_arenas_are_kept_and_those_apart_are_not),
		alone(a_cache_holds_blocks_of_one_arena_alone),
		alone(an_emptied_cache_gave_everything_back),
		alone(an_arena_s_caches_give_up_its_blocks_and_others_keep_theirs),
		alone(blocks_in_them_are_found_counted_and_drained),
		cmocka_unit_test(who_uses_an_ended_cache_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

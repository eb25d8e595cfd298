/*
 * tcache.c -- a thread's stacks of free blocks.
 */
#include "base/options.h"
#include "cache/floor.h"
#include "faults.h"
#include "pages/meta.h"

#define KEEP_MAX 4096

static void *kept[KEEP_MAX];

static struct tcache *
live(void)
{
	struct tcache *c;

	thread_boot();
	c = cache_own();
	assert_non_null(c);
	return c;
}

static void *
take(unsigned cls)
{
	void *p = block_alloc(cls);

	assert_non_null(p);
	return p;
}

static void
take_many(unsigned cls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kept[i] = take(cls);
}

static void
free_many(unsigned cls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block_free(kept[i], cls);
}

static size_t
count(const struct tcache *c, unsigned cls)
{
	return cache_bin_count(&c->bins[cls]);
}

/* --- without a cache ------------------------------------------------------------ */

static void
before_boot_blocks_come_from_the_first_arena(void)
{
	void *p = take(size_class(100)), *q = take(size_class(100));

	assert_ptr_equal(cache_enter(), &tcache_closed);
	cache_leave();
	assert_ptr_not_equal(p, q);
	assert_ptr_equal(arena_of(p), &arenas[0]);
	block_free(p, size_class(100));
	assert_int_equal(arenas[0].bins[size_class(100)].nused, 1);
	assert_null(cache_own());
}

static void
page_runs_need_no_cache_either(void)
{
	unsigned cls = size_class(65536);
	void *p = take(cls);

	memset(p, 1, 65536);
	block_free(p, cls);
	assert_int_equal(large_count(&arenas[0]).nblocks, 0);
}

static void
the_closed_cache_is_empty_and_full_at_once(void)
{
	for (unsigned cls = 0; cls < NCLASSES; cls++) {
		const struct cache_bin *b = &tcache_closed.bins[cls];

		assert_null(*b->top);
		assert_ptr_equal(b->top, b->limit);
		/* No offset passes for a block's. */
		assert_int_equal(b->remainder, 0);
	}
}

static void
threads_without_a_cache_by_option_work_too(void)
{
	unsigned cls = size_class(100);

	assert_true(options_set("tcache", 0));
	thread_boot();
	take_many(cls, 100);
	free_many(cls, 100);
	assert_null(cache_own());
	assert_int_equal(thread_count(), 0);
	assert_int_equal(arenas[0].bins[cls].nused, 0);
}

static void
without_memory_for_a_cache_there_is_one_later(void)
{
	unsigned cls = size_class(100);
	void *p;

	/* The bin's slab has its record before the cache is wanted. */
	p = take(cls);
	thread_boot();
	fault_for_good(OS_CALL_MAP, 1);
	for (unsigned i = 0; i < 2 * MIB / sizeof(struct tcache); i++) {
		void *record = meta_alloc(sizeof(struct tcache));

		if (record == NULL)
			break;
	}
	block_free(p, cls);
	assert_null(cache_own());
	p = take(cls);
	faults_none();
	assert_non_null(cache_own());
	block_free(p, cls);
}

/* --- stacks --------------------------------------------------------------------- */

static void
a_new_cache_is_empty_and_has_no_arrays(void)
{
	struct tcache *c = live();

	for (unsigned cls = 1; cls < NCLASSES; cls++) {
		assert_int_equal(count(c, cls), 0);
		assert_int_equal(c->bins[cls].capacity, 0);
		assert_ptr_equal(c->bins[cls].top, c->bins[cls].limit);
		assert_int_equal(c->bins[cls].magic, class_shapes[cls].magic);
		assert_int_equal(c->bins[cls].remainder,
				 class_shapes[cls].magic);
	}
	/* No pointer into a page of nobody passes for a block. */
	assert_int_equal(c->bins[CLASS_NONE].remainder, 0);
}

static void
the_first_block_gives_its_thread_a_cache(void)
{
	struct tcache *c;

	thread_boot();
	take(1);
	c = cache_enter();
	cache_leave();
	assert_ptr_equal(c, cache_own());
	assert_ptr_not_equal(c, &tcache_closed);
	assert_int_equal(thread_count(), 1);
}

static void
the_block_freed_last_is_handed_out_first(void)
{
	unsigned cls = size_class(100);

	live();
	take_many(cls, 3);
	free_many(cls, 3);
	for (size_t i = 3; i-- > 0;)
		assert_ptr_equal(take(cls), kept[i]);
}

/* What one fill brings lies together: fewer pages and cache lines. */
static void
blocks_of_a_fill_are_neighbours(void)
{
	unsigned cls = size_class(100), nneighbours = 0;

	live();
	take_many(cls, 300);
	for (size_t i = 1; i < 300; i++)
		nneighbours += labs((char *)kept[i] - (char *)kept[i - 1]) ==
			       (long)class_size(cls);
	assert_true(nneighbours > 280);
}

static void
no_block_is_handed_out_twice(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls += 9) {
		live();
		take_many(cls, 1000);
		for (size_t i = 0; i < 1000; i++)
			memset(kept[i], (int)(i % 255), class_size(cls));
		for (size_t i = 0; i < 1000; i++)
			assert_true(is_all(kept[i], (unsigned char)(i % 255),
					   class_size(cls)));
		free_many(cls, 1000);
	}
}

static void
a_thread_that_allocates_once_keeps_a_handful(void)
{
	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		struct tcache *c = live();

		take(cls);
		assert_true(count(c, cls) <= 3);
		assert_true(count(c, cls) * class_size(cls) <= 3 * KIB);
		assert_true(c->bins[cls].capacity <= 7);
	}
}

static void
misses_double_the_depth_up_to_its_bound(void)
{
	struct tcache *c = live();

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls += 7) {
		unsigned last = 0, steps = 0;

		for (unsigned i = 0; i < 20000; i++) {
			unsigned depth;

			take(cls);
			depth = c->bins[cls].depth;
			assert_in_range(depth, last, max_size(7, last * 2 + 1));
			steps += depth > last;
			last = depth;
		}
		assert_in_range(steps, 2, 10);
		assert_in_range(last, 7, 1023);
		assert_true(last * class_size(cls) <= 256 * KIB);
		assert_in_range(c->bins[cls].capacity, last, 1023);
	}
}

static size_t
depths_in_bytes(const struct tcache *c)
{
	size_t bytes = 0;

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
		bytes += c->bins[cls].depth * class_size(cls);
	return bytes;
}

/* A thread that bursts over all sizes. */
static void
all_slots_of_a_cache_stay_within_its_budget(void)
{
	struct tcache *c = live();

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
			take_many(cls, 1000);
			free_many(cls, 1000);
			assert_int_equal(c->slab_budget, depths_in_bytes(c));
			assert_true(c->slab_budget <= 2 * MIB + 20 * KIB);
		}
	}
	assert_true(c->slab_budget > 2 * MIB);
	cache_empty(c);
	cache_strip(c);
	assert_int_equal(c->slab_budget, 0);
}

static void
slots_above_the_largest_cached_size_are_not_kept(void)
{
	struct tcache *c = live();

	assert_true(options_set("tcache_max", 1024));
	take_many(size_class(1025), 50);
	free_many(size_class(1025), 50);
	assert_int_equal(count(c, size_class(1025)), 0);
	take_many(size_class(1024), 50);
	free_many(size_class(1024), 50);
	assert_true(count(c, size_class(1024)) > 0);
}

static void
an_overflow_gives_the_older_half_back(void)
{
	unsigned cls = size_class(1024);
	struct tcache *c = live();
	size_t depth;

	take_many(cls, 2000);
	cache_empty(c);
	depth = c->bins[cls].depth;
	/* As deep as it will ever be. */
	assert_in_range(depth, 100, 1000);
	free_many(cls, depth);
	assert_int_equal(count(c, cls), depth);
	block_free(kept[depth], cls);
	assert_int_equal(count(c, cls), depth / 2 + 1);
	for (size_t i = depth + 1; i-- > depth / 2;)
		assert_ptr_equal(take(cls), kept[i]);
}

static void
without_memory_for_an_array_blocks_go_around_it(void)
{
	unsigned cls = size_class(100);
	struct tcache *c = live();
	void *p;

	/* A slab is there already; records are used up. */
	p = take(size_class(100));
	cache_empty(c);
	cache_strip(c);
	fault_for_good(OS_CALL_MAP, 1);
	while (meta_alloc(64) != NULL)
		continue;
	take_many(cls, 100);
	assert_int_equal(c->bins[cls].capacity, 0);
	free_many(cls, 100);
	block_free(p, cls);
	assert_int_equal(arenas[0].bins[cls].nused, 0);
}

/* --- page runs -------------------------------------------------------------------- */

/* Allocates and frees n runs of a class at once. */
static void
cycle(unsigned cls, size_t n)
{
	take_many(cls, n);
	free_many(cls, n);
}

static void
a_page_run_is_kept_for_its_thread(void)
{
	unsigned cls = size_class(65536);
	struct tcache *c = live();
	void *p = take(cls);

	block_free(p, cls);
	assert_int_equal(count(c, cls), 1);
	assert_ptr_equal(take(cls), p);
}

static void
page_runs_are_kept_within_the_budget(void)
{
	struct tcache *c = live();

	for (unsigned round = 0; round < 50; round++) {
		size_t bytes = 0;

		cycle(CLASS_SLAB_MAX + 1 +
			      round * 7 % (CLASS_LARGE_MAX - CLASS_SLAB_MAX),
		      4 + round % 3);
		for (unsigned i = CLASS_SLAB_MAX + 1; i <= CLASS_LARGE_MAX; i++)
			bytes += count(c, i) * class_size(i);
		assert_true(bytes <= c->large_budget);
		assert_true(c->large_budget <= (size_t)option(tcache_large));
	}
}

static void
the_budget_goes_to_who_needs_it_now(void)
{
	unsigned first = size_class(256 * KIB), second = size_class(64 * KIB);
	struct tcache *c = live();

	assert_true(options_set("tcache_large", 1 * MIB));
	cycle(first, 4);
	assert_true(count(c, first) >= 3);
	cycle(second, 8);
	cycle(second, 8);
	assert_true(count(c, second) >= 7);
	assert_true(c->large_budget <= (size_t)option(tcache_large));
}

static void
a_budget_of_nothing_keeps_no_page_run(void)
{
	unsigned cls = size_class(65536);
	struct tcache *c = live();

	assert_true(options_set("tcache_large", 0));
	cycle(cls, 10);
	assert_int_equal(count(c, cls), 0);
	assert_int_equal(large_count(&arenas[0]).nblocks, 0);
}

static void
runs_above_the_largest_cached_size_are_not_kept(void)
{
	struct tcache *c = live();

	assert_true(options_set("tcache_max", 131072));
	cycle(size_class(131073), 5);
	assert_int_equal(count(c, size_class(131073)), 0);
	cycle(size_class(131072), 5);
	assert_true(count(c, size_class(131072)) > 0);
}

/* --- emptying ---------------------------------------------------------------------- */

static void
fill_all_classes(void)
{
	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls += 4)
		cycle(cls, 20);
}

static void
an_emptied_cache_holds_nothing_and_works_on(void)
{
	struct tcache *c = live();

	fill_all_classes();
	cache_empty(c);
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		assert_int_equal(count(c, cls), 0);
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
		assert_int_equal(arenas[0].bins[cls].nused, 0);
	assert_int_equal(large_count(&arenas[0]).npages, 0);
	fill_all_classes();
}

static void
stacks_that_nobody_touched_are_emptied_and_no_others(void)
{
	unsigned quiet = size_class(100), busy = size_class(200);
	struct tcache *c = live();

	take_many(quiet, 20);
	free_many(quiet, 20);
	take_many(busy, 20);
	free_many(busy, 20);
	assert_true(cache_empty_quiet(c));
	take(busy);
	assert_true(cache_empty_quiet(c));
	assert_int_equal(count(c, quiet), 0);
	assert_int_equal(c->bins[quiet].depth, 0);
	assert_true(count(c, busy) > 0);
	assert_int_equal(c->slab_budget,
			 c->bins[busy].depth * class_size(busy));
	assert_false(cache_empty_quiet(c));
	assert_int_equal(count(c, busy), 0);
	assert_int_equal(c->slab_budget, 0);
}

static void
a_stripped_cache_has_no_arrays_and_works_on(void)
{
	struct tcache *c = live();

	fill_all_classes();
	cache_empty(c);
	cache_strip(c);
	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		assert_int_equal(c->bins[cls].capacity, 0);
	assert_int_equal(c->large_budget, 0);
	fill_all_classes();
}

static void
a_cache_knows_what_it_holds(void)
{
	unsigned cls = size_class(100);
	struct tcache *c = live();

	take_many(cls, 10);
	free_many(cls, 5);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(cache_holds(c, kept[i], cls), i < 5);
	assert_false(cache_holds(c, kept[0], cls + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(before_boot_blocks_come_from_the_first_arena),
		alone(page_runs_need_no_cache_either),
		alone(the_closed_cache_is_empty_and_full_at_once),
		alone(threads_without_a_cache_by_option_work_too),
		alone(without_memory_for_a_cache_there_is_one_later),
		alone(a_new_cache_is_empty_and_has_no_arrays),
		alone(the_first_block_gives_its_thread_a_cache),
		alone(the_block_freed_last_is_handed_out_first),
		alone(blocks_of_a_fill_are_neighbours),
		alone(no_block_is_handed_out_twice),
		alone(a_thread_that_allocates_once_keeps_a_handful),
		alone(misses_double_the_depth_up_to_its_bound),
		alone(all_slots_of_a_cache_stay_within_its_budget),
		alone(slots_above_the_largest_cached_size_are_not_kept),
		alone(an_overflow_gives_the_older_half_back),
		alone(without_memory_for_an_array_blocks_go_around_it),
		alone(a_page_run_is_kept_for_its_thread),
		alone(page_runs_are_kept_within_the_budget),
		alone(the_budget_goes_to_who_needs_it_now),
		alone(a_budget_of_nothing_keeps_no_page_run),
		alone(runs_above_the_largest_cached_size_are_not_kept),
		alone(an_emptied_cache_holds_nothing_and_works_on),
		alone(stacks_that_nobody_touched_are_emptied_and_no_others),
		alone(a_stripped_cache_has_no_arrays_and_works_on),
		alone(a_cache_knows_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * share.c -- what all caches may hold together: the more threads, the less each.
 */
#include "cache/drain.h"
#include "cache/floor.h"
#include "cache/stack.h"

/* As cache/stack.c has them. */
#define SLABS_ALL  (64 * MIB)
#define LARGE_ALL  (16 * MIB)
#define FLOOR_EACH (20 * KIB)

#define NTHREADS 150u

static struct helper helpers[NTHREADS];
static struct tcache *caches[NTHREADS];

/* Of every class as much as the cache will keep. */
static void
fill_all_classes(void *cache)
{
	static _Thread_local void *p[1000];

	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		size_t n = min_size(1000, MIB / class_size(cls));

		for (size_t i = 0; i < n; i++)
			p[i] = block_alloc(cls);
		for (size_t i = 0; i < n; i++)
			block_free(p[i], cls);
	}
	*(struct tcache **)cache = cache_own();
}

static void
touch(void *cache)
{
	block_free(block_alloc(1), 1);
	*(struct tcache **)cache = cache_own();
}

static void
start_threads(unsigned n, void (*task)(void *))
{
	thread_boot();
	for (unsigned i = 0; i < n; i++)
		helper_start(&helpers[i]);
	for (unsigned i = 0; i < n; i++)
		helper_do(&helpers[i], task, &caches[i]);
}

static void
end_threads(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		helper_end(&helpers[i]);
}

/* What it holds, of slabs or of page runs. */
static size_t
held_bytes(const struct tcache *c, unsigned from, unsigned to)
{
	size_t bytes = 0;

	for (unsigned cls = from; cls <= to; cls++)
		bytes += cache_bin_count(&c->bins[cls]) * class_size(cls);
	return bytes;
}

static void
a_cache_alone_has_the_largest_share(void)
{
	start_threads(1, fill_all_classes);
	assert_in_range(held_bytes(caches[0], 1, CLASS_SLAB_MAX), MIB,
			2 * MIB + FLOOR_EACH);
	assert_in_range(
		held_bytes(caches[0], CLASS_SLAB_MAX + 1, CLASS_LARGE_MAX), MIB,
		2 * MIB);
	assert_false(cache_is_over(caches[0]));
	end_threads(1);
}

/* It is active: nothing of it would be taken for its being quiet. */
static void
a_cache_that_grew_alone_is_cut_when_threads_were_born(void)
{
	struct tcache *c;

	start_threads(1, fill_all_classes);
	c = caches[0];
	for (unsigned i = 1; i < NTHREADS; i++) {
		helper_start(&helpers[i]);
		helper_do(&helpers[i], touch, &caches[i]);
	}
	assert_true(cache_is_over(c));
	drain_caches(true);
	assert_false(cache_is_over(c));
	assert_true(held_bytes(c, 1, CLASS_SLAB_MAX) > 0);
	assert_in_range(held_bytes(c, 1, CLASS_SLAB_MAX), 1,
			SLABS_ALL / NTHREADS + FLOOR_EACH);
	assert_in_range(held_bytes(c, CLASS_SLAB_MAX + 1, CLASS_LARGE_MAX), 0,
			LARGE_ALL / NTHREADS);
	end_threads(NTHREADS);
}

static void
the_shares_of_many_caches_add_up_to_a_bound(void)
{
	size_t slabs = 0, runs = 0;

	start_threads(NTHREADS, fill_all_classes);
	drain_caches(true);
	for (unsigned i = 0; i < NTHREADS; i++) {
		slabs += held_bytes(caches[i], 1, CLASS_SLAB_MAX);
		runs += held_bytes(caches[i], CLASS_SLAB_MAX + 1,
				   CLASS_LARGE_MAX);
	}
	assert_in_range(slabs, SLABS_ALL / 8,
			SLABS_ALL + NTHREADS * FLOOR_EACH);
	assert_in_range(runs, 0, LARGE_ALL);
	end_threads(NTHREADS);
}

static void
when_threads_end_the_share_of_the_others_grows(void)
{
	start_threads(NTHREADS, fill_all_classes);
	drain_caches(true);
	for (unsigned i = 1; i < NTHREADS; i++)
		helper_end(&helpers[i]);
	helper_do(&helpers[0], fill_all_classes, &caches[0]);
	assert_true(held_bytes(caches[0], 1, CLASS_SLAB_MAX) > MIB);
	helper_end(&helpers[0]);
}

/* The largest blocks go first: they are the dearest to keep. */
static void
cutting_takes_the_largest_blocks_first(void)
{
	unsigned smallest_cut = CLASS_SLAB_MAX, largest_left = 0;
	struct tcache *c;

	start_threads(1, fill_all_classes);
	c = caches[0];
	for (unsigned i = 1; i < NTHREADS; i++) {
		helper_start(&helpers[i]);
		helper_do(&helpers[i], touch, &caches[i]);
	}
	lock_take(&c->lock, LOCK_CACHE);
	assert_true(cache_close(c));
	cache_shrink(c);
	for (unsigned cls = CLASS_SLAB_MAX; cls > 0; cls--) {
		if (c->bins[cls].capacity == 0)
			continue;
		if (c->bins[cls].depth == 0)
			smallest_cut = cls;
		else if (largest_left == 0)
			largest_left = cls;
	}
	assert_true(largest_left > 0 && largest_left < smallest_cut);
	cache_open(c);
	lock_drop(&c->lock, LOCK_CACHE);
	end_threads(NTHREADS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_cache_alone_has_the_largest_share),
		alone(a_cache_that_grew_alone_is_cut_when_threads_were_born),
		alone(the_shares_of_many_caches_add_up_to_a_bound),
		alone(when_threads_end_the_share_of_the_others_grows),
		alone(cutting_takes_the_largest_blocks_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

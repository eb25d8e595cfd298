/*
 * stats.c -- one snapshot of all floors: the sums add up.
 */
#include "base/options.h"
#include "cache/drain.h"
#include "cache/floor.h"
#include "control/stats.h"
#include "control/trim.h"

static struct stats s;
static uint64_t luck;

static void
take_stats(void)
{
	stats_take(&s);
}

/* What stats.h promises while nobody allocates. */
static void
check_sums(void)
{
	size_t cached = 0, nblocks = 0;

	take_stats();
	assert_int_equal(s.active, s.allocated + s.cached + s.shelved +
					   s.slab_free + s.slab_away);
	assert_true(s.mapped >= s.active + s.dirty);
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		const struct class_stats *c = &s.classes[cls];

		cached += c->ncached * class_size(cls);
		nblocks += c->ncached;
		if (class_is_slab(cls))
			assert_int_equal(c->nslabs * class_nslots(cls),
					 c->nlive + c->ncached + c->nfree);
	}
	assert_int_equal(s.cached, cached);
	assert_int_equal(s.cached_blocks, nblocks);
}

static void
an_untouched_allocator_has_nothing(void)
{
	take_stats();
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.active, 0);
	assert_int_equal(s.mapped, 0);
	assert_int_equal(s.metadata, 0);
	assert_int_equal(s.nthreads, 0);
	assert_int_equal(s.narenas, 1);
	assert_false(s.has_trim_thread);
}

static void
a_block_in_use_is_allocated_and_a_freed_one_is_cached(void)
{
	unsigned cls = size_class(1000);
	size_t before;
	void *p;

	thread_boot();
	p = block_alloc(cls);
	check_sums();
	assert_int_equal(s.allocated, class_size(cls));
	assert_int_equal(s.classes[cls].nlive, 1);
	before = s.cached;
	block_free(p, cls);
	check_sums();
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.cached, before + class_size(cls));
	assert_int_equal(s.nthreads, 1);
}

static void
page_runs_count_with_their_whole_blocks(void)
{
	unsigned cls = size_class(100000);
	void *p;

	thread_boot();
	p = block_alloc(cls);
	check_sums();
	assert_int_equal(s.allocated, class_size(cls));
	assert_int_equal(s.nlarge, 1);
	assert_int_equal(s.large, class_size(cls));
	block_free(p, cls);
	check_sums();
	assert_int_equal(s.allocated, 0);
	drain_caches(false);
	check_sums();
	assert_int_equal(s.nlarge, 0);
	assert_int_equal(s.shelved, class_size(cls));
	large_trim(&arenas[0], false);
	check_sums();
	assert_int_equal(s.shelved, 0);
	assert_int_equal(s.active, 0);
	assert_true(s.dirty >= class_size(cls));
}

#define NBLOCKS 3000

static void *blocks[NBLOCKS];
static unsigned classes[NBLOCKS];

/* What is in blocks[] is what is allocated, whatever happens. */
static void
random_blocks_add_up_at_every_moment(void)
{
	size_t live = 0;

	luck = random_seed();
	thread_boot();
	for (unsigned step = 0; step < 30000; step++) {
		size_t i = random_below(&luck, NBLOCKS);

		if (blocks[i] != NULL) {
			block_free(blocks[i], classes[i]);
			live -= class_size(classes[i]);
			blocks[i] = NULL;
		} else {
			classes[i] = 1 + (unsigned)random_below(
						 &luck,
						 step % 50 ? CLASS_SLAB_MAX
							   : CLASS_LARGE_MAX);
			blocks[i] = block_alloc(classes[i]);
			live += class_size(classes[i]);
		}
		if (step % 1000 == 0)
			trim_now();
		if (step % 100 == 0) {
			check_sums();
			assert_int_equal(s.allocated, live);
		}
	}
}

static void
fill_helper(void *arg)
{
	void *p[100];

	(void)arg;
	for (unsigned i = 0; i < 100; i++)
		p[i] = block_alloc(i % CLASS_LARGE_MAX + 1);
	for (unsigned i = 0; i < 100; i++)
		block_free(p[i], i % CLASS_LARGE_MAX + 1);
}

static void
caches_of_other_threads_count_as_cached(void)
{
	struct helper h[3];

	thread_boot();
	for (size_t i = 0; i < 3; i++) {
		helper_start(&h[i]);
		helper_do(&h[i], fill_helper, NULL);
	}
	check_sums();
	assert_int_equal(s.allocated, 0);
	assert_true(s.cached > 0);
	assert_int_equal(s.nthreads, 3);
	for (size_t i = 0; i < 3; i++)
		helper_end(&h[i]);
	check_sums();
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.cached, 0);
	assert_int_equal(s.nthreads, 0);
}

static void
looking_changes_nothing(void)
{
	static struct stats first;

	thread_boot();
	fill_helper(NULL);
	take_stats();
	first = s;
	take_stats();
	assert_true(s.now_ns >= first.now_ns);
	first.now_ns = s.now_ns;
	assert_memory_equal(&first, &s, sizeof s);
}

static void
purges_and_trims_are_counted(void)
{
	thread_boot();
	fill_helper(NULL);
	trim_now();
	check_sums();
	assert_int_equal(s.reclaim.nforced, 1);
	assert_true(s.reclaim.ndrains >= 1);
	assert_true(s.purge.npages > 0);
	assert_true(s.purge.ncalls > 0);
	assert_int_equal(s.purge.nfailed, 0);
	assert_int_equal(s.dirty, 0);
	assert_int_equal(s.active, 0);
}

/* Slabs of 64 slots, in each of which but one is free. */
#define SPARSE 20u

static void
leave_sparse_slabs(void)
{
	static void *p[SPARSE * 64];
	unsigned cls = size_class(1024);

	for (size_t i = 0; i < COUNT_OF(p); i++) {
		p[i] = block_alloc(cls);
		memset(p[i], 1, 1024);
	}
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		if ((uintptr_t)p[i] % SLAB_BYTES != 0)
			block_free(p[i], cls);
	}
}

static void
pages_given_back_in_slabs_are_active_and_away(void)
{
	unsigned cls = size_class(1024);

	thread_boot();
	leave_sparse_slabs();
	trim_now();
	check_sums();
	assert_int_equal(s.active, SPARSE * SLAB_BYTES);
	assert_int_equal(s.slab_away, SPARSE * 15 * PAGE_BYTES);
	assert_int_equal(s.classes[cls].naway, SPARSE * 15);
	assert_int_equal(s.reclaim.slabs.npages, SPARSE * 15);
	/* Three more slots on the page that stays. */
	assert_int_equal(s.slab_free, SPARSE * 3 * 1024);
	assert_int_equal(s.nrefaults, 0);
}

static void
pages_that_are_taken_again_are_counted_as_refaults(void)
{
	thread_boot();
	leave_sparse_slabs();
	trim_now();
	leave_sparse_slabs();
	check_sums();
	assert_int_equal(s.slab_away, 0);
	/* All of them, to the last slab that was filled. */
	assert_in_range(s.nrefaults, (SPARSE - 1) * 15, SPARSE * 15);
}

static void
the_kernel_s_figures_are_those_of_our_ranges(void)
{
	/* Whatever the system makes of other memory. */
	assert_true(options_set("thp", THP_NEVER));
	thread_boot();
	leave_sparse_slabs();
	take_stats();
	assert_false(s.has_residence);
	stats_ask_kernel(&s);
	assert_true(s.has_residence);
	assert_int_equal(s.residence.resident,
			 s.active - s.slab_away + s.dirty);
	trim_now();
	take_stats();
	stats_ask_kernel(&s);
	assert_int_equal(s.residence.resident, SPARSE * PAGE_BYTES);
	assert_int_equal(s.residence.resident,
			 s.active - s.slab_away + s.dirty);
	assert_int_equal(s.residence.huge, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(an_untouched_allocator_has_nothing),
		alone(a_block_in_use_is_allocated_and_a_freed_one_is_cached),
		alone(page_runs_count_with_their_whole_blocks),
		alone(random_blocks_add_up_at_every_moment),
		alone(caches_of_other_threads_count_as_cached),
		alone(looking_changes_nothing),
		alone(purges_and_trims_are_counted),
		alone(pages_given_back_in_slabs_are_active_and_away),
		alone(pages_that_are_taken_again_are_counted_as_refaults),
		alone(the_kernel_s_figures_are_those_of_our_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

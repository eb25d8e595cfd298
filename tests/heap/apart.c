/*
 * apart.c -- arenas that the program makes: their numbers, what the page map
 * says of their blocks, and all of these taken back at once.
 */
#include "base/options.h"
#include "heap/direct.h"
#include "heap/large.h"
#include "heap/reset.h"
#include "unit.h"

unsigned __wrap_os_ncpus(void);

static unsigned ncpus = 4;

unsigned
__wrap_os_ncpus(void)
{
	return ncpus;
}

static unsigned
map_class(const void *p)
{
	struct region *r = region_find(p);

	return MAP_TO_CLASS(pagemap_get(r, region_page(r, p)));
}

static void
they_are_numbered_behind_those_of_threads(void)
{
	for (unsigned i = 4; i < ARENAS_MAX; i++) {
		struct arena *a = arena_make();

		assert_ptr_equal(a, &arenas[i]);
		assert_true(arena_is_apart(a));
		assert_ptr_equal(arena_find(i), a);
		assert_int_equal(arena_count(), i + 1);
	}
	assert_null(arena_make());
}

static void
no_thread_is_given_one(void)
{
	struct arena *a = arena_make();

	/* Not even where more arenas are allowed afterwards. */
	options_set("narenas", 64);
	for (unsigned i = 0; i < 200; i++)
		assert_true(arena_choose() < a);
	assert_int_equal(arena_limit(), 4);
	assert_false(arena_is_apart(arena_find(3)));
}

static void
only_numbers_in_use_are_found(void)
{
	assert_non_null(arena_find(3));
	assert_null(arena_find(4));
	assert_null(arena_find(ARENAS_MAX));
	assert_null(arena_find(UINT32_MAX));
	arena_make();
	assert_non_null(arena_find(4));
	assert_null(arena_find(5));
}

static void
an_ended_one_is_not_found_and_its_number_is_used_again(void)
{
	struct arena *a = arena_make(), *b = arena_make();

	assert_true(arena_begin_end(a));
	assert_null(arena_find(arena_index(a)));
	assert_false(arena_begin_end(a));
	/* Not before it is over. */
	assert_ptr_equal(arena_make(), b + 1);
	arena_end(a);
	assert_ptr_equal(arena_make(), a);
	assert_false(arena_begin_end(arena_find(0)));
}

static void
names_and_decay_times_are_kept_and_begin_anew(void)
{
	struct arena *a = arena_make();
	char name[ARENA_NAME_BYTES];
	int64_t ms;

	assert_false(arena_decay(a, &ms));
	for (int64_t n = -1; n < 3; n++) {
		arena_set_decay(a, n);
		assert_true(arena_decay(a, &ms));
		assert_int_equal(ms, n);
	}
	arena_set_name(a, "0123456789012345678901234567890123456789");
	arena_get_name(a, name);
	assert_string_equal(name, "0123456789012345678901234567890");
	arena_begin_end(a);
	arena_end(a);
	assert_ptr_equal(arena_make(), a);
	arena_get_name(a, name);
	assert_string_equal(name, "");
	assert_false(arena_decay(a, &ms));
}

static void
the_page_map_keeps_their_blocks_from_caches(void)
{
	struct arena *a = arena_make();

	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		bool is_zero;
		void *p = direct_alloc(a, cls, &is_zero);

		assert_ptr_equal(arena_of(p), a);
		assert_int_equal(map_class(p),
				 class_is_slab(cls) ? CLASS_APART : CLASS_RUN);
		if (class_is_slab(cls))
			assert_int_equal(slab_find(p)->cls, cls);
		else
			assert_int_equal(large_npages(p) << PAGE_SHIFT,
					 class_size(cls));
		direct_free(p, cls);
	}
}

static void
resized_runs_stay_without_a_class(void)
{
	struct arena *a = arena_make();
	bool is_zero;
	void *p = large_alloc(a, 10, 1, CLASS_RUN, &is_zero);

	assert_true(large_resize(p, 8, size_class(8 * PAGE_BYTES)));
	assert_int_equal(map_class(p), CLASS_RUN);
	large_free(p);
}

static void
pages_of_their_slabs_come_back_as_they_were(void)
{
	struct arena *a = arena_make();
	struct bin *b = &a->bins[4];
	struct purge_stats stats = { 0 };
	void *blocks[1024], *again[1024];
	size_t n = bin_fill(b, &a->pages, 4, blocks, 1024);

	assert_true(n > 100);
	bin_flush(blocks + 1, n - 1);
	bin_purge(b, 0, &stats);
	assert_true(stats.npages > 0);
	assert_true(bin_fill(b, &a->pages, 4, again, n - 1) > 0);
	for (size_t i = 0; i < n - 1; i++)
		assert_int_equal(map_class(again[i]), CLASS_APART);
}

/* Blocks of all kinds, of which some go again. */
static size_t
fill_arena(struct arena *a, unsigned seed)
{
	uint64_t luck = seed;
	size_t live = 0;

	for (unsigned i = 0; i < 3000; i++) {
		unsigned cls = 1 +
			       (unsigned)random_below(&luck, CLASS_LARGE_MAX);
		bool is_zero;
		void *p;

		if (i % 100 == 0)
			p = large_alloc(a, 1 + random_below(&luck, 3000),
					PAGE_BYTES << random_below(&luck, 12),
					CLASS_RUN, &is_zero);
		else
			p = direct_alloc(a, cls, &is_zero);
		assert_non_null(p);
		if (random_below(&luck, 3) == 0) {
			direct_free(p, i % 100 == 0 ? CLASS_RUN : cls);
			continue;
		}
		live++;
	}
	return live;
}

static void
all_blocks_of_an_arena_go_at_once_and_no_other_s(void)
{
	struct arena *a = arena_make(), *b = arena_make();
	size_t live = fill_arena(a, 1), others = fill_arena(b, 2);

	assert_int_equal(arena_free_all(a), live);
	assert_int_equal(a->pages.nused, 0);
	assert_int_equal(a->pages.nchunks, 0);
	assert_int_equal(large_count(a).nblocks, 0);
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		assert_int_equal(a->bins[cls].nused, 0);
		assert_int_equal(a->bins[cls].nslabs, 0);
	}
	/* As good as new, again and again. */
	for (unsigned i = 0; i < 5; i++) {
		live = fill_arena(a, i);
		assert_int_equal(arena_free_all(a), live);
		assert_int_equal(a->pages.nused, 0);
	}
	assert_int_equal(arena_free_all(b), others);
	assert_int_equal(b->pages.nused, 0);
}

static void
blocks_go_whose_neighbours_pages_went_before(void)
{
	struct arena *a = arena_make();
	struct purge_stats stats = { 0 };
	void *blocks[1024];
	size_t n = bin_fill(&a->bins[10], &a->pages, 10, blocks, 1024);
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		void *p = blocks[i];

		if (((uintptr_t)p >> 13 & 1) != 0)
			bin_flush(&p, 1);
		else
			left++;
	}
	bin_purge(&a->bins[10], 0, &stats);
	assert_true(stats.npages > 0);
	assert_int_equal(arena_free_all(a), left);
	assert_int_equal(a->pages.nused, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(they_are_numbered_behind_those_of_threads),
		alone(no_thread_is_given_one),
		alone(only_numbers_in_use_are_found),
		alone(an_ended_one_is_not_found_and_its_number_is_used_again),
		alone(names_and_decay_times_are_kept_and_begin_anew),
		alone(the_page_map_keeps_their_blocks_from_caches),
		alone(resized_runs_stay_without_a_class),
		alone(pages_of_their_slabs_come_back_as_they_were),
		alone(all_blocks_of_an_arena_go_at_once_and_no_other_s),
		alone(blocks_go_whose_neighbours_pages_went_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

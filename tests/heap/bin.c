/*
 * bin.c -- one arena's slabs of one size class.
 */
#include "faults.h"
#include "heap/bins.h"
#include "pages/meta.h"

/* 16 slots of 4 KiB in a slab. */
#define SIZE   4096
#define NSLOTS 16

static void *blocks[4096];

static void
begin(void)
{
	cls = size_class(SIZE);
	fill(&bin, blocks, 1);
	bin_flush(blocks, 1);
}

static void
blocks_of_a_fill_are_apart_and_of_their_class(void)
{
	cls = size_class(100);
	fill(&bin, blocks, 2000);
	for (size_t i = 0; i < 2000; i++)
		memset(blocks[i], (int)(i % 255), class_size(cls));
	for (size_t i = 0; i < 2000; i++) {
		assert_true(is_all(blocks[i], (unsigned char)(i % 255),
				   class_size(cls)));
		assert_int_equal(slab_find(blocks[i])->cls, cls);
	}
	assert_int_equal(bin.nused, 2000);
}

static void
the_lowest_free_slots_are_filled_first(void)
{
	begin();
	fill(&bin, blocks, NSLOTS);
	for (size_t i = 1; i < NSLOTS; i++)
		assert_true((char *)blocks[i] == (char *)blocks[0] + i * SIZE);
}

static void
the_fullest_slab_is_filled_first(void)
{
	char *low, *high;

	begin();
	fill(&bin, blocks, 2 * NSLOTS);
	low = slab_find(blocks[0])->base;
	high = slab_find(blocks[NSLOTS])->base;
	/* Three free in the second slab, twelve in the first. */
	{
		void *back[15];

		memcpy(back, blocks, 12 * sizeof(void *));
		memcpy(back + 12, blocks + NSLOTS, 3 * sizeof(void *));
		bin_flush(back, 15);
	}
	fill(&bin, blocks, 3);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(slab_find(blocks[i])->base, high);
	fill(&bin, blocks, 1);
	assert_ptr_equal(slab_find(blocks[0])->base, low);
}

static void
flushed_blocks_go_to_their_own_bins(void)
{
	void *mixed[20];

	begin();
	fill(&bin, blocks, 10);
	fill(&other, blocks + 10, 10);
	for (size_t i = 0; i < 10; i++) {
		mixed[2 * i] = blocks[i];
		mixed[2 * i + 1] = blocks[10 + i];
	}
	bin_flush(mixed, 20);
	assert_int_equal(bin.nused, 0);
	assert_int_equal(other.nused, 0);
	/* The flush gave none away that is still to come. */
	fill(&bin, blocks, 10);
	for (size_t i = 0; i < 10; i++)
		assert_ptr_equal(slab_find(blocks[i])->bin, &bin);
}

static void
empty_slabs_are_kept_but_not_many(void)
{
	begin();
	fill(&bin, blocks, 100 * NSLOTS);
	assert_int_equal(bin.nslabs, 100);
	bin_flush(blocks, 100 * NSLOTS);
	assert_in_range(bin.nempty, 1, BIN_EMPTY_MAX);
	assert_int_equal(bin.nslabs, bin.nempty);
	assert_int_equal(heap.nused, bin.nempty * SLAB_NPAGES);
}

static void
a_fill_takes_an_empty_slab_before_it_makes_one(void)
{
	uint64_t made;

	begin();
	fill(&bin, blocks, 8 * NSLOTS);
	bin_flush(blocks, 8 * NSLOTS);
	made = atomic_load(&bin.nslabs_made);
	fill(&bin, blocks, bin.nempty * (size_t)NSLOTS);
	assert_int_equal(atomic_load(&bin.nslabs_made), made);
}

static void
a_trim_of_everything_retires_all_empty_slabs_and_no_other(void)
{
	begin();
	fill(&bin, blocks, 5 * NSLOTS + 1);
	bin_flush(blocks, 5 * NSLOTS);
	assert_true(bin.nempty > 0);
	bin_trim(&bin, false);
	assert_int_equal(bin.nempty, 0);
	assert_int_equal(bin.nslabs, 1);
	assert_int_equal(heap.nused, SLAB_NPAGES);
	bin_flush(blocks + 5 * NSLOTS, 1);
	bin_trim(&bin, false);
	assert_int_equal(bin.nslabs, 0);
	assert_int_equal(heap.nused, 0);
	/* And it begins anew. */
	fill(&bin, blocks, 3);
	assert_int_equal(bin.nslabs, 1);
}

static void
an_empty_slab_that_nobody_wanted_between_two_trims_is_retired(void)
{
	begin();
	fill(&bin, blocks, 30 * NSLOTS);
	bin_flush(blocks, 6 * NSLOTS);
	assert_int_equal(bin.nempty, 6);
	bin_trim(&bin, true);
	assert_int_equal(bin.nempty, 6);
	/* Two are wanted, and come back. */
	fill(&bin, blocks, 2 * NSLOTS);
	bin_flush(blocks, 2 * NSLOTS);
	assert_int_equal(bin.nempty, 6);
	bin_trim(&bin, true);
	assert_int_equal(bin.nempty, 2);
	bin_trim(&bin, true);
	assert_int_equal(bin.nempty, 0);
	assert_int_equal(bin.nslabs, 24);
}

static void
without_memory_a_fill_is_empty_and_later_is_not(void)
{
	begin();
	fill(&bin, blocks, NSLOTS);
	fault_for_good(OS_CALL_COMMIT, 1);
	while (bin_fill(&bin, &heap, cls, blocks, 1) == 1)
		continue;
	assert_true(bin.nused >= NSLOTS);
	assert_int_equal(bin.nused % NSLOTS, 0);
	faults_none();
	fill(&bin, blocks, NSLOTS);
}

static void
do_flush_twice(void)
{
	void *twice[2];

	begin();
	fill(&bin, blocks, 2);
	twice[0] = twice[1] = blocks[0];
	bin_flush(twice, 2);
}

static void
do_flush_gone(void)
{
	void *p;

	begin();
	fill(&bin, blocks, 1);
	p = blocks[0];
	bin_flush(blocks, 1);
	bin_trim(&bin, false);
	bin_flush(&p, 1);
}

static void
a_block_flushed_twice_dies(void **state)
{
	(void)state;
	expect_death(do_flush_twice,
		     " was freed twice, and its second free came");
	expect_death(do_flush_gone, "(its page ");
}

static void
everything_flushed_leaves_no_record(void)
{
	size_t carved, idle;

	begin();
	fill(&bin, blocks, 1000);
	bin_flush(blocks, 1000);
	bin_trim(&bin, false);
	meta_usage(&carved, &idle);
	assert_int_equal(carved, idle);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(blocks_of_a_fill_are_apart_and_of_their_class),
		alone(the_lowest_free_slots_are_filled_first),
		alone(the_fullest_slab_is_filled_first),
		alone(flushed_blocks_go_to_their_own_bins),
		alone(empty_slabs_are_kept_but_not_many),
		alone(a_fill_takes_an_empty_slab_before_it_makes_one),
		alone(a_trim_of_everything_retires_all_empty_slabs_and_no_other),
		alone(an_empty_slab_that_nobody_wanted_between_two_trims_is_retired),
		alone(without_memory_a_fill_is_empty_and_later_is_not),
		cmocka_unit_test(a_block_flushed_twice_dies),
		alone(everything_flushed_leaves_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

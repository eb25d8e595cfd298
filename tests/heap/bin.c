/*
 * bin.c -- one arena's slabs of one size class.
 */
#include "faults.h"
#include "heap/bin.h"
#include "pages/meta.h"
#include "unit.h"

/* 16 slots of 4 KiB in a slab. */
#define SIZE   4096
#define NSLOTS 16

static struct pageheap heap;
static struct bin bin, other;
static unsigned cls;
static void *blocks[4096];
static uint64_t luck;

/* Fills until n blocks are there; a fill may return less than it was asked. */
static void
fill(struct bin *b, void **out, size_t n)
{
	while (n > 0) {
		size_t got = bin_fill(b, &heap, cls, out, n);

		assert_in_range(got, 1, n);
		out += got;
		n -= got;
	}
}

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
	expect_death(do_flush_twice, "free(): a block was freed twice");
	expect_death(do_flush_gone, "its slab is gone");
}

/* --- random operations ----------------------------------------------------------- */

static void *model[2][2048];
static size_t nmodel[2];

/* Free slots, seen and hidden, of the slabs on a list. */
static size_t
count_free(const struct list *l, unsigned i, size_t *nslabs)
{
	size_t nfree = 0;

	for (struct list_node *n = l->first; n != NULL; n = n->next) {
		struct slab *s = list_entry(n, struct slab, link);

		assert_in_range(s->nfree, i < BIN_HIDDEN ? s->low : 0, s->high);
		assert_int_equal(s->nfree == 0, i >= BIN_HIDDEN);
		assert_int_equal(s->list, i);
		assert_int_equal(bits_count_range(s->free, 0, s->nslots),
				 s->nfree);
		assert_int_equal(
			bits_count_range(s->free, 0, s->first * (size_t)64), 0);
		nfree += s->nfree + s->nhidden;
		++*nslabs;
	}
	return nfree;
}

static void
check_bin(const struct bin *b, size_t nused)
{
	size_t nfree = 0, nempty = 0, nslots = class_nslots(cls);
	size_t npartial = 0;

	assert_int_equal(b->nused, nused);
	for (unsigned i = 0; i < BIN_NLISTS; i++)
		nfree += count_free(&b->lists[i], i, &npartial);
	for (struct list_node *n = b->empty.first; n != NULL; n = n->next) {
		assert_int_equal(list_entry(n, struct slab, link)->nfree,
				 nslots);
		nempty++;
	}
	assert_int_equal(b->nempty, nempty);
	assert_true(b->idle <= b->nempty);
	assert_in_range(nempty, 0, BIN_EMPTY_MAX);
	assert_int_equal(b->nslabs * nslots, nused + nfree + nempty * nslots);
}

static void
random_fill(unsigned which)
{
	struct bin *b = which ? &other : &bin;
	size_t n = 1 + random_below(&luck, 60);
	void **out = model[which] + nmodel[which];
	size_t got;

	if (nmodel[which] + n > COUNT_OF(model[which]))
		return;
	got = bin_fill(b, &heap, cls, out, n);
	assert_in_range(got, 1, n);
	for (size_t i = 0; i < got; i++) {
		assert_ptr_equal(slab_find(out[i])->bin, b);
		/* Nobody else has written to it. */
		*(void **)out[i] = out[i];
	}
	nmodel[which] += got;
}

/* Blocks of both bins, in any order. */
static void
random_flush(void)
{
	size_t n = 1 + random_below(&luck, 60), k = 0;

	while (k < n && nmodel[0] + nmodel[1] > 0) {
		unsigned which = nmodel[0] == 0 ||
				 (nmodel[1] > 0 && random_below(&luck, 2));
		size_t i = random_below(&luck, nmodel[which]);
		void *p = model[which][i];

		assert_ptr_equal(*(void **)p, p);
		*(void **)p = NULL;
		model[which][i] = model[which][--nmodel[which]];
		blocks[k++] = p;
	}
	bin_flush(blocks, k);
}

static void
random_rounds(size_t size)
{
	cls = size_class(size);
	for (unsigned i = 0; i < 3000; i++) {
		size_t what = random_below(&luck, 20);

		if (what < 10)
			random_fill(what & 1);
		else if (what < 19)
			random_flush();
		else
			bin_trim(random_below(&luck, 2) ? &bin : &other,
				 random_below(&luck, 4) != 0);
		check_bin(&bin, nmodel[0]);
		check_bin(&other, nmodel[1]);
	}
	while (nmodel[0] + nmodel[1] > 0)
		random_flush();
	bin_trim(&bin, false);
	bin_trim(&other, false);
	assert_int_equal(heap.nused, 0);
}

static void
random_fills_and_flushes_lose_no_block(void)
{
	luck = random_seed();
	random_rounds(16);
	random_rounds(112);
	random_rounds(4096);
	random_rounds(14336);
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
		alone(random_fills_and_flushes_lose_no_block),
		alone(everything_flushed_leaves_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

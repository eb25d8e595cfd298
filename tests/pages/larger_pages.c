/*
 * larger_pages.c -- page runs and pages of slabs where the kernel's pages are
 * larger than ours. The test says how large they are; tests/os/larger_pages.py
 * does the same with a double of the kernel and real memory.
 */
#include "heap/slab.h"
#include "pages/chunk.h"
#include "unit.h"

/* Never touched: the functions only reckon with it. */
#define BASE ((char *)(uintptr_t)0x10000000)

#define MAX_CLAIMED 300

static size_t page_bytes = 16 * KIB;

size_t __wrap_os_page_bytes(void);

size_t
__wrap_os_page_bytes(void)
{
	return page_bytes;
}

static struct chunk c;
static struct os_range out[MAX_CLAIMED];
static uint64_t luck;

static int
fresh(void **state)
{
	(void)state;
	memset(&c, 0, sizeof c);
	c.base = BASE;
	c.longest = CHUNK_NPAGES;
	page_bytes = 16 * KIB;
	return 0;
}

static size_t
claim_all(void)
{
	return chunk_claim(&c, false, out, MAX_CLAIMED);
}

static void
expect_range(size_t i, size_t start, size_t n)
{
	assert_ptr_equal(out[i].addr, BASE + start * PAGE_BYTES);
	assert_int_equal(out[i].bytes, n * PAGE_BYTES);
}

/* Taken and given: [start, start + n) is dirty. */
static void
make_dirty(size_t start, size_t n)
{
	chunk_take(&c, start, n);
	chunk_give(&c, start, n);
}

/* --- chunks ------------------------------------------------------------------- */

static void
a_dirty_page_beside_a_used_one_does_not_go_and_does_not_count(void **state)
{
	(void)state;
	chunk_take(&c, 0, 6);
	chunk_give(&c, 1, 5);
	assert_int_equal(claim_all(), 1);
	expect_range(0, 4, 4);
	chunk_settle(&c, &out[0], true);
	assert_int_equal(c.ndirty, 0);
	assert_int_equal(c.nsoiled, 3);
	assert_int_equal(claim_all(), 0);
}

static void
it_goes_when_its_neighbour_was_freed(void **state)
{
	(void)state;
	chunk_take(&c, 0, 4);
	chunk_give(&c, 2, 2);
	assert_int_equal(claim_all(), 0);
	assert_int_equal(c.ndirty, 0);
	chunk_give(&c, 0, 2);
	assert_int_equal(c.ndirty, 4);
	assert_int_equal(c.nsoiled, 0);
	assert_int_equal(claim_all(), 1);
	expect_range(0, 0, 4);
}

static void
it_goes_when_its_neighbour_was_freed_clean(void **state)
{
	(void)state;
	chunk_take(&c, 0, 2);
	chunk_give(&c, 1, 1);
	assert_int_equal(claim_all(), 0);
	chunk_release(&c, 0, 1);
	assert_int_equal(c.ndirty, 1);
	assert_int_equal(c.nsoiled, 0);
}

static void
it_is_not_called_zero_when_it_is_taken(void **state)
{
	(void)state;
	chunk_take(&c, 0, 4);
	chunk_give(&c, 2, 2);
	assert_int_equal(claim_all(), 0);
	assert_false(chunk_take(&c, 3, 1));
	assert_int_equal(c.nsoiled, 1);
	assert_true(chunk_take(&c, 4, 1));
	assert_false(chunk_take(&c, 2, 1));
	assert_int_equal(c.nsoiled, 0);
}

static void
clean_pages_on_a_page_of_the_kernels_go_with_a_dirty_one(void **state)
{
	(void)state;
	make_dirty(5, 1);
	assert_int_equal(claim_all(), 1);
	expect_range(0, 4, 4);
	assert_int_equal(c.nused, 4);
	assert_false(chunk_is_free(&c, 4, 1));
	chunk_settle(&c, &out[0], true);
	assert_int_equal(c.nused, 0);
	assert_true(chunk_take(&c, 4, 4));
}

static void
where_the_kernel_refuses_all_of_it_is_dirty(void **state)
{
	(void)state;
	make_dirty(5, 1);
	assert_int_equal(claim_all(), 1);
	chunk_settle(&c, &out[0], false);
	assert_int_equal(c.ndirty, 4);
	assert_false(chunk_take(&c, 4, 1));
}

static void
a_page_that_is_too_young_keeps_its_neighbours(void **state)
{
	(void)state;
	make_dirty(0, 2);
	assert_int_equal(chunk_claim(&c, true, out, MAX_CLAIMED), 0);
	make_dirty(2, 1);
	assert_int_equal(chunk_claim(&c, true, out, MAX_CLAIMED), 0);
	assert_int_equal(c.ndirty, 3);
	assert_int_equal(chunk_claim(&c, true, out, MAX_CLAIMED), 1);
	expect_range(0, 0, 4);
}

static void
resident_pages_that_cannot_go_are_taken_before_fresh_ones(void **state)
{
	size_t start;

	(void)state;
	chunk_take(&c, 8, 4);
	chunk_give(&c, 10, 2);
	assert_int_equal(claim_all(), 0);
	assert_true(chunk_find(&c, 2, 1, &start));
	assert_int_equal(start, 10);
}

/* --- chunks at random ------------------------------------------------------------ */

/* 0: clean and free. */
enum state { CLEAN, USED, DIRTY };

static enum state model[CHUNK_NPAGES];

static bool
bit(const uint64_t *w, size_t i)
{
	return w[i / 64] >> (i % 64) & 1;
}

/* Whether a page of the kernel's has a used one of ours. */
static bool
is_mixed(size_t i)
{
	size_t unit = page_bytes / PAGE_BYTES, start = i / unit * unit;

	for (size_t k = start; k < start + unit; k++) {
		if (model[k] == USED)
			return true;
	}
	return false;
}

static void
check_chunk(void)
{
	size_t nused = 0, ndirty = 0, nsoiled = 0;

	for (size_t i = 0; i < CHUNK_NPAGES; i++) {
		bool dirty = bit(c.dirty, i), soiled = bit(c.soiled, i);

		assert_int_equal(bit(c.used, i), model[i] == USED);
		assert_int_equal(dirty || soiled, model[i] == DIRTY);
		assert_false(dirty && soiled);
		assert_false(soiled && !is_mixed(i));
		assert_false(bit(c.stale, i) && !dirty);
		nused += bit(c.used, i);
		ndirty += dirty;
		nsoiled += soiled;
	}
	assert_int_equal(c.nused, nused);
	assert_int_equal(c.ndirty, ndirty);
	assert_int_equal(c.nsoiled, nsoiled);
}

static void
set_model(size_t start, size_t n, enum state to)
{
	for (size_t i = start; i < start + n; i++)
		model[i] = to;
}

static void
take_random(void)
{
	size_t n = 1 + random_below(&luck, 30), start;
	bool is_zero = true;

	if (!chunk_find(&c, n, 1, &start))
		return;
	for (size_t i = start; i < start + n; i++)
		is_zero &= model[i] == CLEAN;
	assert_int_equal(chunk_take(&c, start, n), is_zero);
	set_model(start, n, USED);
}

static void
give_random(void)
{
	size_t start = random_below(&luck, CHUNK_NPAGES), n = 0;
	bool is_clean = random_below(&luck, 8) == 0;

	while (start + n < CHUNK_NPAGES && model[start + n] == USED && n < 20)
		n++;
	if (n == 0)
		return;
	if (is_clean)
		chunk_release(&c, start, n);
	else
		chunk_give(&c, start, n);
	set_model(start, n, is_clean ? CLEAN : DIRTY);
}

static void
claim_random(void)
{
	bool only_stale = random_below(&luck, 2), goes;
	size_t n = chunk_claim(&c, only_stale, out, random_below(&luck, 40));

	for (size_t i = 0; i < n; i++) {
		size_t start = chunk_page(&c, out[i].addr);
		size_t npages = out[i].bytes / PAGE_BYTES;

		assert_int_equal(start * PAGE_BYTES % page_bytes, 0);
		assert_int_equal(out[i].bytes % page_bytes, 0);
		for (size_t k = start; k < start + npages; k++)
			assert_int_not_equal(model[k], USED);
		set_model(start, npages, USED);
	}
	check_chunk();
	goes = random_below(&luck, 4) > 0;
	for (size_t i = 0; i < n; i++) {
		chunk_settle(&c, &out[i], goes);
		set_model(chunk_page(&c, out[i].addr),
			  out[i].bytes / PAGE_BYTES, goes ? CLEAN : DIRTY);
	}
}

static void
random_operations_agree_with_a_model(void **state)
{
	luck = random_seed();
	for (page_bytes = 4 * KIB; page_bytes <= 64 * KIB; page_bytes *= 2) {
		size_t before = page_bytes;

		fresh(state);
		page_bytes = before;
		memset(model, 0, sizeof model);
		for (unsigned i = 0; i < 6000; i++) {
			size_t what = random_below(&luck, 100);

			if (what < 45)
				take_random();
			else if (what < 95)
				give_random();
			else
				claim_random();
			check_chunk();
		}
	}
}

/* --- slabs ------------------------------------------------------------------------ */

static struct pageheap heap;

/* A slab knows its bin by address only. */
static struct bin *const bin = (struct bin *)(uintptr_t)0x1000;

/* A slab of which all slots but those on the pages of `freed` are taken. */
static struct slab *
slab_with_free_pages(uint16_t freed)
{
	static void *slots[SLAB_BYTES / 1024];
	struct slab *s = slab_make(&heap, bin, size_class(1024));
	size_t n;

	page_bytes = 16 * KIB;
	assert_non_null(s);
	n = slab_take(s, slots, SLAB_BYTES / 1024);
	assert_int_equal(n, SLAB_BYTES / 1024);
	for (size_t i = 0; i < n; i++) {
		if (freed >> (i / 4) & 1)
			slab_put(s, slots[i]);
	}
	return s;
}

static void
of_a_slab_whole_pages_of_the_kernels_go(void)
{
	struct slab *s = slab_with_free_pages(0xf7f3);

	assert_int_equal(slab_free_pages(s), 0xf0f0 & 0xf7f3);
	page_bytes = 8 * KIB;
	assert_int_equal(slab_free_pages(s), 0xf3f3);
	page_bytes = 64 * KIB;
	assert_int_equal(slab_free_pages(s), 0);
	page_bytes = 4 * KIB;
	assert_int_equal(slab_free_pages(s), 0xf7f3);
}

static void
they_come_back_whole(void)
{
	struct slab *s = slab_with_free_pages(0x0ff0);

	slab_hide(s, slab_free_pages(s));
	assert_int_equal(s->away, 0x0ff0);
	assert_int_equal(slab_reveal_some(s), 4);
	assert_int_equal(s->away, 0x0f00);
	assert_int_equal(slab_reveal_some(s), 4);
	assert_int_equal(s->away, 0);
	assert_int_equal(s->nhidden, 0);
}

/* Slots of 5 KiB: twelve of them, and the last page is not the slab's. */
static void
a_page_of_the_kernels_that_is_not_all_the_slabs_stays(void)
{
	struct slab *s = slab_make(&heap, bin, size_class(5 * 1024));

	page_bytes = 16 * KIB;
	assert_non_null(s);
	assert_int_equal(class_slab_npages(s->cls), 15);
	assert_int_equal(slab_free_pages(s), 0x0fff);
	page_bytes = 64 * KIB;
	assert_int_equal(slab_free_pages(s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_dirty_page_beside_a_used_one_does_not_go_and_does_not_count,
			fresh),
		cmocka_unit_test_setup(it_goes_when_its_neighbour_was_freed,
				       fresh),
		cmocka_unit_test_setup(
			it_goes_when_its_neighbour_was_freed_clean, fresh),
		cmocka_unit_test_setup(it_is_not_called_zero_when_it_is_taken,
				       fresh),
		cmocka_unit_test_setup(
			clean_pages_on_a_page_of_the_kernels_go_with_a_dirty_one,
			fresh),
		cmocka_unit_test_setup(
			where_the_kernel_refuses_all_of_it_is_dirty, fresh),
		cmocka_unit_test_setup(
			a_page_that_is_too_young_keeps_its_neighbours, fresh),
		cmocka_unit_test_setup(
			resident_pages_that_cannot_go_are_taken_before_fresh_ones,
			fresh),
		cmocka_unit_test_setup(random_operations_agree_with_a_model,
				       fresh),
		alone(of_a_slab_whole_pages_of_the_kernels_go),
		alone(they_come_back_whole),
		alone(a_page_of_the_kernels_that_is_not_all_the_slabs_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

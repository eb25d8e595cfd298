/*
 * slab.c -- 64 KiB cut into equal slots.
 */
#include "faults.h"
#include "heap/slab.h"
#include "pages/meta.h"
#include "unit.h"

static struct pageheap heap;

/* A slab knows its bin by address only. */
static struct bin *const bin = (struct bin *)(uintptr_t)0x1000;

static struct slab *
make(unsigned cls)
{
	struct slab *s = slab_make(&heap, bin, cls);

	assert_non_null(s);
	return s;
}

static void
a_new_slab_has_all_its_slots_free(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct slab *s = make(cls);

		assert_int_equal(s->nslots, class_nslots(cls));
		assert_int_equal(s->nfree, s->nslots);
		assert_int_equal(s->nhidden, 0);
		assert_int_equal(s->away, 0);
		assert_true(slab_is_empty(s));
		assert_ptr_equal(s->bin, bin);
		assert_int_equal((uintptr_t)s->base % SLAB_BYTES, 0);
	}
}

static void
the_lowest_slots_are_taken_first(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct slab *s = make(cls);
		void *out[4096];

		for (size_t i = 0; i < s->nslots;) {
			size_t n = slab_take(s, out, i + 1);

			for (size_t k = 0; k < n; k++)
				assert_ptr_equal(out[k],
						 s->base + class_slot_offset(
								   cls, i + k));
			i += n;
			assert_int_equal(s->nfree, s->nslots - i);
		}
		assert_int_equal(slab_take(s, out, 10), 0);
	}
}

static void
a_slot_that_was_put_back_is_taken_again(void)
{
	struct slab *s = make(size_class(1000));
	void *out[64], *again[2];

	assert_int_equal(slab_take(s, out, 64), 64);
	slab_put(s, out[7]);
	slab_put(s, out[3]);
	assert_int_equal(s->nfree, 2);
	assert_int_equal(slab_take(s, again, 2), 2);
	assert_ptr_equal(again[0], out[3]);
	assert_ptr_equal(again[1], out[7]);
}

static void
only_first_bytes_of_slots_are_slots(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct slab *s = make(cls);
		size_t next = 0, index;

		for (size_t i = 0; i < SLAB_BYTES; i++) {
			bool is_slot = next < s->nslots &&
				       i == class_slot_offset(cls, next);

			assert_int_equal(slab_slot(s, s->base + i, &index),
					 is_slot);
			if (is_slot)
				assert_int_equal(index, next++);
		}
		assert_int_equal(next, s->nslots);
	}
}

static void
every_address_in_a_slab_finds_it(void)
{
	struct slab *s = make(1);
	int local = 0;

	assert_ptr_equal(slab_find(s->base), s);
	assert_ptr_equal(slab_find(s->base + SLAB_BYTES - 1), s);
	assert_ptr_not_equal(slab_find(s->base + SLAB_BYTES), s);
	assert_null(slab_find(&local));
}

static void
the_page_map_names_the_class_of_pages_with_slots_only(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct slab *s = make(cls);
		struct region *r = region_find(s->base);
		size_t first = region_page(r, s->base);
		size_t used = class_slot_offset(cls, s->nslots - 1u) +
			      class_size(cls);

		for (size_t i = 0; i < SLAB_NPAGES; i++)
			assert_int_equal(pagemap_get(r, first + i),
					 i * PAGE_BYTES < used
						 ? CLASS_TO_MAP(cls)
						 : CLASS_TO_MAP(CLASS_NONE));
	}
}

static void
a_slab_takes_the_pages_that_hold_its_slots_and_no_more(void)
{
	size_t before = 0;

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct slab *s = make(cls);
		size_t end = class_slot_offset(cls, s->nslots - 1u) +
			     class_size(cls);

		assert_int_equal(heap.nused - before,
				 (end + PAGE_BYTES - 1) / PAGE_BYTES);
		before = heap.nused;
	}
}

/* 13 KiB: four slots on thirteen pages; three are left of its 64 KiB. */
static void
a_page_run_behind_a_slab_is_none_of_its_business(void)
{
	struct slab *s = make(size_class(13312));
	struct region *r = region_find(s->base);
	char *base = s->base, *run;
	bool is_zero;

	run = pageheap_alloc(&heap, 3, 1, &is_zero);
	assert_ptr_equal(run, base + 13 * PAGE_BYTES);
	memset(run, 1, 3 * PAGE_BYTES);
	pagemap_set(r, region_page(r, run), 3, CLASS_TO_MAP(CLASS_RUN));
	assert_int_equal(slab_free_pages(s), 0x1fff);
	slab_hide(s, 0x1fff);
	slab_reveal(s, 0x0fff);
	slab_retire(s);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pagemap_get(r, region_page(r, run) + i),
				 CLASS_TO_MAP(CLASS_RUN));
	assert_int_equal(heap.nused, 3);
	assert_int_equal(pageheap_ndirty(&heap), 12);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 12);
	assert_true(is_all(run, 1, 3 * PAGE_BYTES));
	pageheap_free(run, 3);
	assert_int_equal(heap.nused, 0);
}

/* Whichever of the two comes first. */
static void
a_slab_before_a_page_run_is_cut_in_full(void)
{
	struct slab *s = make(size_class(13312)), *again;
	char *base = s->base;
	bool is_zero;
	void *out[4];

	pageheap_alloc(&heap, 3, 1, &is_zero);
	slab_retire(s);
	again = make(size_class(13312));
	assert_ptr_equal(again->base, base);
	assert_int_equal(slab_take(again, out, 5), 4);
	assert_ptr_equal(out[3], base + 3 * 13312);
}

static void
a_retired_slab_leaves_nothing_behind(void)
{
	struct slab *s = make(1);
	char *base = s->base;
	struct region *r = region_find(base);
	size_t carved, idle;

	slab_retire(s);
	assert_null(slab_find(base));
	for (size_t i = 0; i < SLAB_NPAGES; i++)
		assert_int_equal(pagemap_get(r, region_page(r, base) + i),
				 CLASS_TO_MAP(CLASS_NONE));
	assert_int_equal(heap.nused, 0);
	meta_usage(&carved, &idle);
	assert_int_equal(carved, idle);
}

static void
without_a_record_there_is_no_slab(void)
{
	fault_once(OS_CALL_MAP, 1);
	assert_null(slab_make(&heap, bin, 1));
	assert_int_equal(heap.nused, 0);
	make(1);
}

static void
without_pages_there_is_no_slab_and_no_record(void)
{
	size_t carved, idle;

	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(slab_make(&heap, bin, 1));
	meta_usage(&carved, &idle);
	assert_int_equal(carved, idle);
	faults_none();
	make(1);
}

static void
do_put_twice(void)
{
	struct slab *s = make(1);
	void *p;

	slab_take(s, &p, 1);
	slab_put(s, p);
	slab_put(s, p);
}

static void
do_put_inside(void)
{
	struct slab *s = make(size_class(1000));
	void *p;

	slab_take(s, &p, 1);
	slab_put(s, (char *)p + 16);
}

/* 14 KiB: behind the fourth slot 8 KiB stay unused. */
static void
do_put_behind(void)
{
	struct slab *s = make(size_class(14336));

	slab_put(s, s->base + 4 * 14336);
}

static void
putting_what_is_no_slot_in_use_dies(void **state)
{
	(void)state;
	expect_death(do_put_twice,
		     " was freed twice, and its second free came");
	expect_death(do_put_inside, "the heap is corrupt");
	expect_death(do_put_behind, "the heap is corrupt");
}

static void
do_retire_in_use(void)
{
	struct slab *s = make(1);
	void *p;

	slab_take(s, &p, 1);
	slab_retire(s);
}

static void
retiring_a_slab_in_use_is_our_bug(void **state)
{
	(void)state;
	expect_death(do_retire_in_use, "invariant broken");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_new_slab_has_all_its_slots_free),
		alone(the_lowest_slots_are_taken_first),
		alone(a_slot_that_was_put_back_is_taken_again),
		alone(only_first_bytes_of_slots_are_slots),
		alone(every_address_in_a_slab_finds_it),
		alone(the_page_map_names_the_class_of_pages_with_slots_only),
		alone(a_slab_takes_the_pages_that_hold_its_slots_and_no_more),
		alone(a_page_run_behind_a_slab_is_none_of_its_business),
		alone(a_slab_before_a_page_run_is_cut_in_full),
		alone(a_retired_slab_leaves_nothing_behind),
		alone(without_a_record_there_is_no_slab),
		alone(without_pages_there_is_no_slab_and_no_record),
		cmocka_unit_test(putting_what_is_no_slot_in_use_dies),
		cmocka_unit_test(retiring_a_slab_in_use_is_our_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

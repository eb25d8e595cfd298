/*
 * slab_pages.c -- pages of a slab that go away and come back, against a model
 * that knows which slots are used and which pages are away, and no more.
 */
#include "heap/slab.h"
#include "unit.h"

#define SLOTS_MAX (SLAB_BYTES / QUANTUM_BYTES)
#define NOPS      250

static struct pageheap heap;

/* A slab knows its bin by address only. */
static struct bin *const bin = (struct bin *)(uintptr_t)0x1000;

static struct slab *slab;
static uint64_t luck;

static struct {
	bool used[SLOTS_MAX];
	uint16_t pages[SLOTS_MAX]; /* that a slot overlaps */
	uint16_t away;
	size_t nslots;
} model;

/* --- the model ---------------------------------------------------------------- */

static void
make(unsigned cls)
{
	slab = slab_make(&heap, bin, cls);
	assert_non_null(slab);
	memset(&model, 0, sizeof model);
	model.nslots = class_nslots(cls);
	for (size_t i = 0; i < model.nslots; i++) {
		size_t at = class_slot_offset(cls, i);

		for (size_t b = at; b < at + class_size(cls); b += 16)
			model.pages[i] |= (uint16_t)(1u << b / PAGE_BYTES);
	}
}

static bool
is_hidden(size_t i)
{
	return !model.used[i] && (model.pages[i] & model.away) != 0;
}

static bool
is_visible(size_t i)
{
	return !model.used[i] && (model.pages[i] & model.away) == 0;
}

/* Pages on which a slot lies and none is used, resident ones. */
static uint16_t
free_pages(void)
{
	uint16_t some = 0, used = 0;

	for (size_t i = 0; i < model.nslots; i++) {
		some |= model.pages[i];
		used |= model.used[i] ? model.pages[i] : 0;
	}
	return (uint16_t)(some & ~used & ~model.away);
}

static char *
slot(size_t i)
{
	return slab->base + class_slot_offset(slab->cls, i);
}

static size_t
slot_at(const void *p)
{
	size_t i = SIZE_MAX;

	assert_true(slab_slot(slab, p, &i));
	assert_true(i < model.nslots);
	return i;
}

/* --- what is to be so at any time ---------------------------------------------- */

static void
check_slots(void)
{
	size_t nvisible = 0, nhidden = 0;

	for (size_t i = 0; i < model.nslots; i++) {
		nvisible += is_visible(i);
		nhidden += is_hidden(i);
		if (bits_test(slab->free, i) != is_visible(i))
			fail_msg("class %u, slot %zu", slab->cls, i);
		if (is_visible(i))
			assert_true(i / BITS_WORD >= slab->first);
	}
	assert_int_equal(slab->nslots, model.nslots);
	assert_int_equal(slab->nfree, nvisible);
	assert_int_equal(slab->nhidden, nhidden);
	assert_int_equal(slab_is_empty(slab),
			 nvisible + nhidden == model.nslots);
}

static void
check_without_lock(void)
{
	for (size_t i = 0; i < model.nslots; i++) {
		assert_int_equal(slab_looks_free(slab, slot(i)),
				 !model.used[i]);
		assert_true(slab_looks_free(slab, slot(i) + 8));
	}
}

/* What free() reads. */
static void
check_page_map(void)
{
	const struct region *r = region_find(slab->base);
	uint16_t some = 0;

	for (size_t i = 0; i < model.nslots; i++)
		some |= model.pages[i];
	for (unsigned page = 0; page < SLAB_NPAGES; page++) {
		bool is_known = (some & ~model.away) >> page & 1;

		assert_int_equal(
			pagemap_get(r, region_page(r, slab->base) + page),
			is_known ? CLASS_TO_MAP(slab->cls) : 0);
	}
}

static void
check(void)
{
	check_slots();
	check_without_lock();
	check_page_map();
	assert_int_equal(slab->away, model.away);
	assert_int_equal(slab_free_pages(slab), free_pages());
}

/* --- what can be done ------------------------------------------------------------ */

/* The lowest visible ones, in order. */
static void
take(size_t n)
{
	static void *out[SLOTS_MAX];
	size_t got = slab_take(slab, out, n), next = 0;

	for (size_t i = 0; i < model.nslots && next < n; i++) {
		if (!is_visible(i))
			continue;
		assert_true(next < got);
		assert_ptr_equal(out[next], slot(i));
		next++;
	}
	assert_int_equal(got, next);
	while (got > 0)
		model.used[slot_at(out[--got])] = true;
}

static void
put(size_t i)
{
	slab_put(slab, slot(i));
	model.used[i] = false;
}

static void
put_some(size_t n)
{
	size_t at = random_below(&luck, model.nslots);

	for (size_t i = 0; i < model.nslots && n > 0; i++) {
		size_t k = (at + i * 7) % model.nslots;

		if (!model.used[k] || random_below(&luck, 3) == 0)
			continue;
		put(k);
		n--;
	}
}

static void
hide(uint16_t pages)
{
	slab_hide(slab, pages);
	model.away |= pages;
}

static void
reveal(uint16_t pages)
{
	slab_reveal(slab, pages);
	model.away = (uint16_t)(model.away & ~pages);
}

/* Those that the lowest hidden slot needs. */
static void
reveal_some(void)
{
	uint16_t pages = 0;
	size_t i = 0;

	while (i < model.nslots && !is_hidden(i))
		i++;
	if (i == model.nslots)
		return;
	pages = model.pages[i] & model.away;
	assert_int_equal(slab_reveal_some(slab), bits_popcount(pages));
	model.away = (uint16_t)(model.away & ~pages);
	assert_true(is_visible(i));
}

static uint16_t
some_of(uint16_t pages)
{
	return pages & (uint16_t)random_next(&luck);
}

static void
do_something(void)
{
	size_t n = 1 + random_below(&luck, model.nslots);

	switch (random_below(&luck, 8)) {
	case 0:
		take(n / 4 + 1);
		break;
	case 1:
		take(n);
		break;
	case 2:
	case 3:
		put_some(n);
		break;
	case 4:
		hide(free_pages());
		break;
	case 5:
		hide(some_of(free_pages()));
		break;
	case 6:
		reveal(some_of(model.away));
		break;
	default:
		reveal_some();
	}
}

static void
pages_go_and_come_as_the_model_says(void)
{
	luck = random_seed();
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		make(cls);
		check();
		for (unsigned i = 0; i < NOPS; i++) {
			do_something();
			check();
		}
	}
}

/* --- single facts ------------------------------------------------------------------ */

static void
all_pages_of_an_empty_slab_but_its_rest_are_free(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		make(cls);
		assert_int_equal(slab_free_pages(slab), free_pages());
		assert_true(slab_free_pages(slab) & 1);
		take(model.nslots);
		assert_int_equal(slab_free_pages(slab), 0);
	}
}

/* 1,360 bytes, three to a page: no slot keeps two pages. */
static void
a_slot_keeps_the_pages_that_it_lies_on_and_no_other(void)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		make(cls);
		take(model.nslots);
		for (size_t i = 0; i < model.nslots; i++) {
			if (i != model.nslots / 2)
				put(i);
		}
		assert_int_equal(slab_free_pages(slab) &
					 model.pages[model.nslots / 2],
				 0);
		check();
	}
}

static void
slots_on_pages_that_are_away_are_not_taken(void)
{
	make(size_class(1024));
	hide(0x00ff);
	assert_int_equal(slab->nfree, 32);
	assert_int_equal(slab->nhidden, 32);
	take(64);
	assert_int_equal(slab->nfree, 0);
	assert_int_equal(slab->nhidden, 32);
	check();
}

/* Of four slots of 16 KiB each needs four pages. */
static void
one_slot_is_revealed_at_a_time(void)
{
	make(size_class(16384));
	hide(0xffff);
	assert_int_equal(slab->nfree, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(slab_reveal_some(slab), 4);
		assert_int_equal(slab->nfree, 1);
		model.away = (uint16_t)(model.away & ~(0xfu << 4 * i));
		check();
		take(1);
	}
	assert_int_equal(slab->nhidden, 0);
}

/* 2,304 bytes: the second slot lies on the first page and on the second. */
static void
a_slot_on_two_pages_is_hidden_until_both_are_back(void)
{
	size_t across = 0;

	make(size_class(2304));
	while (bits_popcount(model.pages[across]) != 2)
		across++;
	hide(model.pages[across]);
	reveal(model.pages[across] & (uint16_t)-model.pages[across]);
	assert_true(is_hidden(across));
	check();
	reveal(model.away);
	assert_true(is_visible(across));
	check();
}

static void
a_taken_slot_makes_the_slab_young_again(void)
{
	make(size_class(1024));
	take(1);
	slab->age = 3;
	put(0);
	assert_int_equal(slab->age, 3);
	take(1);
	assert_int_equal(slab->age, 0);
}

/* --- the end of a slab --------------------------------------------------------------- */

/* The bits of a slab's pages in one of its chunk's bitmaps. */
static uint16_t
bits_of(const uint64_t *map, const struct chunk *c, const char *base)
{
	size_t page = chunk_page(c, base);

	return (uint16_t)(map[page / 64] >> (page % 64));
}

static void
check_retired(unsigned cls, uint16_t pages)
{
	const struct region *r;
	const struct chunk *c;
	char *base;

	make(cls);
	base = slab->base;
	r = region_find(base);
	c = region_chunk(r, base);
	hide(pages);
	slab_retire(slab);
	assert_int_equal(bits_of(c->used, c, base), 0);
	assert_int_equal(bits_of(c->dirty, c, base), (uint16_t)~pages);
	assert_null(slab_find(base));
	for (size_t i = 0; i < SLAB_NPAGES; i++)
		assert_int_equal(pagemap_get(r, region_page(r, base) + i), 0);
}

static void
a_retired_slab_leaves_its_resident_pages_dirty_and_no_other(void)
{
	bool is_zero;

	luck = random_seed();
	/* Or the chunk would leave for the pool. */
	assert_non_null(pageheap_alloc(&heap, 1, 1, &is_zero));
	for (unsigned i = 0; i < 300; i++) {
		check_retired(size_class(16), some_of(0xffff));
		check_retired(size_class(4096), some_of(0xffff));
		pageheap_purge(&heap, false, SIZE_MAX);
	}
	check_retired(size_class(16), 0xffff);
	assert_int_equal(pageheap_ndirty(&heap), 0);
	check_retired(size_class(16), 0x8001);
	assert_int_equal(pageheap_ndirty(&heap), 14);
	assert_int_equal(heap.nused, 1);
}

/* Whoever takes the pages next is told that they are zero, and they are. */
static void
pages_that_were_away_are_zero_for_the_next(void)
{
	bool is_zero = false;
	char *base, *p;

	assert_non_null(pageheap_alloc(&heap, 1, 1, &is_zero));
	make(size_class(4096));
	base = slab->base;
	memset(base, 1, SLAB_BYTES);
	hide(0x0ff0);
	assert_true(os_purge(base + 4 * PAGE_BYTES, 8 * PAGE_BYTES));
	slab_retire(slab);
	assert_int_equal(pageheap_ndirty(&heap), 8);
	pageheap_purge(&heap, false, SIZE_MAX);
	p = pageheap_alloc(&heap, 16, 16, &is_zero);
	assert_ptr_equal(p, base);
	assert_true(is_zero);
	assert_true(is_all(p, 0, SLAB_BYTES));
}

/* --- misuse --------------------------------------------------------------------------- */

static void
do_put_hidden(void)
{
	make(size_class(1024));
	take(64);
	for (size_t i = 0; i < 4; i++)
		put(i);
	hide(0x0001);
	slab_put(slab, slab->base + 1024);
}

/* 14 KiB: the slot lies on four pages, of which the last went. */
static void
do_put_hidden_in_part(void)
{
	make(size_class(14336));
	take(4);
	put(0);
	hide(0x0004);
	slab_put(slab, slab->base);
}

static void
do_retire_while_held(void)
{
	make(size_class(1024));
	slab->is_held = 1;
	slab_retire(slab);
}

static void
a_slot_whose_page_is_away_cannot_be_put(void **state)
{
	(void)state;
	expect_death(do_put_hidden,
		     " was freed twice, and its second free came");
	expect_death(do_put_hidden_in_part,
		     " was freed twice, and its second free came");
}

static void
retiring_a_slab_that_is_being_purged_is_our_bug(void **state)
{
	(void)state;
	expect_death(do_retire_while_held, "invariant broken");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(pages_go_and_come_as_the_model_says),
		alone(all_pages_of_an_empty_slab_but_its_rest_are_free),
		alone(a_slot_keeps_the_pages_that_it_lies_on_and_no_other),
		alone(slots_on_pages_that_are_away_are_not_taken),
		alone(one_slot_is_revealed_at_a_time),
		alone(a_slot_on_two_pages_is_hidden_until_both_are_back),
		alone(a_taken_slot_makes_the_slab_young_again),
		alone(a_retired_slab_leaves_its_resident_pages_dirty_and_no_other),
		alone(pages_that_were_away_are_zero_for_the_next),
		cmocka_unit_test(a_slot_whose_page_is_away_cannot_be_put),
		cmocka_unit_test(
			retiring_a_slab_that_is_being_purged_is_our_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

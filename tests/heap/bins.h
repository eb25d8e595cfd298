/*
 * bins.h -- two bins of one class, and what holds for a bin at any time.
 *
 * Above   tests/heap/bin.c, bin_random.c and purges.h
 * Lock    none: one thread
 * Always  check_bin() counts everything anew, from the slabs' bitmaps
 */
#ifndef TESTS_HEAP_BINS_H
#define TESTS_HEAP_BINS_H

#include "heap/bin.h"
#include "unit.h"

static struct pageheap heap;
static struct bin bin;
MAYBE_UNUSED static struct bin other;
static unsigned cls;

/* Fills until n blocks are there; a fill may return less than it was asked. */
static inline void
fill(struct bin *b, void **out, size_t n)
{
	while (n > 0) {
		size_t got = bin_fill(b, &heap, cls, out, n);

		assert_in_range(got, 1, n);
		out += got;
		n -= got;
	}
}

/* The slots that are free and overlap a page that is away. */
static inline size_t
count_hidden(const struct slab *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nslots; i++)
		n += !bits_test(s->free, i) &&
		     (slab_slot_pages(s, i) & s->away) != 0;
	return n;
}

/* By quarters of what is free, whether it can be seen or not. */
static inline unsigned
fullness(const struct slab *s)
{
	unsigned nfree = (unsigned)s->nfree + s->nhidden;
	unsigned quarter = s->nslots / BIN_FULLNESS, i = 0;

	while (i < BIN_FULLNESS - 1 && nfree > (i + 1) * quarter)
		i++;
	return i;
}

static inline unsigned
list_of(const struct slab *s)
{
	if (s->nfree > 0)
		return fullness(s);
	return s->is_held ? BIN_HELD : BIN_HIDDEN + fullness(s);
}

/* While nothing is held: pages that are away are not resident. */
MAYBE_UNUSED static void
check_away(const struct slab *s)
{
	for (unsigned page = 0; page < SLAB_NPAGES; page++) {
		if (s->away >> page & 1)
			assert_int_equal(
				resident_pages(s->base + page * PAGE_BYTES, 1),
				0);
	}
}

struct sums {
	size_t nslabs, nfree, naway, nyoung, nheld;
};

static inline void
check_slab(const struct slab *s, struct sums *sum)
{
	assert_int_equal(s->cls, cls);
	assert_int_equal(bits_count_range(s->free, 0, s->nslots), s->nfree);
	assert_int_equal(bits_count_range(s->free, 0, s->first * (size_t)64),
			 0);
	assert_int_equal(count_hidden(s), s->nhidden);
	sum->nslabs++;
	sum->nfree += (size_t)s->nfree + s->nhidden;
	sum->naway += bits_popcount(s->away);
	sum->nyoung += s->is_young;
	sum->nheld += s->is_held;
}

static inline void
check_list(const struct bin *b, unsigned i, struct sums *sum)
{
	for (struct list_node *n = b->lists[i].first; n != NULL; n = n->next) {
		const struct slab *s = list_entry(n, struct slab, link);

		check_slab(s, sum);
		assert_ptr_equal(s->bin, b);
		assert_int_equal(s->list, i);
		assert_int_equal(list_of(s), i);
		/* Within them it need not be looked at. */
		assert_true(s->nfree >= s->low || s->nfree == 0);
		assert_true(s->nfree <= s->high ||
			    (s->is_held && slab_is_empty(s)));
	}
}

static inline void
check_empty(const struct bin *b, struct sums *sum)
{
	size_t n = sum->nslabs;

	for (struct list_node *e = b->empty.first; e != NULL; e = e->next) {
		const struct slab *s = list_entry(e, struct slab, link);

		check_slab(s, sum);
		assert_int_equal(s->nfree, s->nslots);
		assert_int_equal(s->away, 0);
		assert_false(s->is_held);
	}
	assert_int_equal(b->nempty, sum->nslabs - n);
	assert_true(b->idle <= b->nempty);
	assert_in_range(b->nempty, 0, BIN_EMPTY_MAX);
}

static inline void
check_young(const struct bin *b)
{
	size_t n = 0;

	for (struct queue_node *y = b->young.first; y != NULL; y = y->next) {
		const struct slab *s = list_entry(y, struct slab, young);

		assert_true(s->is_young);
		assert_ptr_equal(s->bin, b);
		n++;
	}
	assert_int_equal(b->nyoung, n);
}

/* Everything, with `nused` slots out; the slabs that are held. */
MAYBE_UNUSED static size_t
check_bin(const struct bin *b, size_t nused)
{
	struct sums sum = { 0, 0, 0, 0, 0 };
	size_t nslots = class_nslots(cls), nfull;

	for (unsigned i = 0; i < BIN_NLISTS; i++)
		check_list(b, i, &sum);
	check_empty(b, &sum);
	check_young(b);
	assert_int_equal(b->nused, nused);
	/* The full ones are on no list, and may be young. */
	nfull = b->nslabs - sum.nslabs;
	assert_int_equal(b->nslabs * nslots, nused + sum.nfree);
	assert_in_range(b->nyoung, sum.nyoung, sum.nyoung + nfull);
	assert_int_equal(b->naway, sum.naway);
	return sum.nheld;
}

#endif

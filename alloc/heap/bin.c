/*
 * bin.c -- see bin.h.
 */
#include "bin.h"
#include "../base/check.h"

/* The list for a slab with a free slot, and how long it stays there. */
static void
choose_list(struct slab *s)
{
	unsigned quarter = s->nslots / BIN_FULLNESS, i = 0;

	while (i < BIN_FULLNESS - 1 && s->nfree > (i + 1) * quarter)
		i++;
	s->fullness = (uint8_t)i;
	s->low = (uint16_t)(i * quarter + 1);
	s->high = i == BIN_FULLNESS - 1 ? s->nslots
					: (uint16_t)((i + 1) * quarter);
}

static void
link_locked(struct bin *b, struct slab *s)
{
	choose_list(s);
	list_push(&b->partial[s->fullness], &s->link);
}

static void
unlink_locked(struct bin *b, struct slab *s)
{
	list_remove(&b->partial[s->fullness], &s->link);
}

bool
bin_is_used(struct bin *b)
{
	return atomic_load_explicit(&b->nslabs_made, memory_order_relaxed) > 0;
}

static struct slab *
first_slab(const struct list *l)
{
	return l->first == NULL ? NULL
				: list_entry(l->first, struct slab, link);
}

static void
push_empty_locked(struct bin *b, struct slab *s)
{
	list_push(&b->empty, &s->link);
	b->nempty++;
}

static struct slab *
pop_empty_locked(struct bin *b)
{
	struct slab *s = first_slab(&b->empty);

	if (s == NULL)
		return NULL;
	list_remove(&b->empty, &s->link);
	b->nempty--;
	if (b->nempty < b->idle)
		b->idle = b->nempty;
	return s;
}

/* The fullest slab with a free slot, on its list; NULL: there is none. */
static struct slab *
fullest_locked(struct bin *b)
{
	struct slab *s = NULL;

	for (unsigned i = 0; i < BIN_FULLNESS && s == NULL; i++)
		s = first_slab(&b->partial[i]);
	if (s != NULL)
		return s;
	s = pop_empty_locked(b);
	if (s != NULL)
		link_locked(b, s);
	return s;
}

/* Takes from one slab and puts it where it belongs now. */
static size_t
take_locked(struct bin *b, struct slab *s, void **out, size_t n)
{
	size_t got = slab_take(s, out, n);

	b->nused += got;
	if (s->nfree == 0) {
		unlink_locked(b, s);
	} else if (s->nfree < s->low) {
		unlink_locked(b, s);
		link_locked(b, s);
	}
	return got;
}

static size_t
fill_locked(struct bin *b, void **out, size_t n)
{
	size_t got = 0;
	struct slab *s;

	while (got < n && (s = fullest_locked(b)) != NULL)
		got += take_locked(b, s, out + got, n - got);
	return got;
}

size_t
bin_fill(struct bin *b, struct pageheap *ph, unsigned cls, void **out, size_t n)
{
	struct slab *s;
	size_t got;

	lock_take(&b->lock, LOCK_BIN);
	b->nfills++;
	got = fill_locked(b, out, n);
	lock_drop(&b->lock, LOCK_BIN);
	if (got > 0)
		return got;
	s = slab_make(ph, b, cls);
	if (s == NULL)
		return 0;
	lock_take(&b->lock, LOCK_BIN);
	b->nslabs++;
	/* Relaxed: the lock orders the writers. */
	atomic_fetch_add_explicit(&b->nslabs_made, 1, memory_order_relaxed);
	link_locked(b, s);
	got = take_locked(b, s, out, n);
	lock_drop(&b->lock, LOCK_BIN);
	return got;
}

/* How many empty slabs are worth keeping for the next fills. */
static bool
has_enough_empty(const struct bin *b)
{
	return b->nempty >= BIN_EMPTY_MAX || b->nempty > b->nslabs / 2;
}

/*
 * Puts one block back. A slab that ran empty is returned, on no list, where
 * the bin has enough of them already.
 */
static struct slab *
put_locked(struct bin *b, struct slab *s, void *p)
{
	slab_put(s, p);
	if (s->nfree == 1) {
		link_locked(b, s);
		return NULL;
	}
	if (s->nfree <= s->high && s->nfree < s->nslots)
		return NULL;
	unlink_locked(b, s);
	if (s->nfree < s->nslots) {
		link_locked(b, s);
		return NULL;
	}
	if (!has_enough_empty(b)) {
		push_empty_locked(b, s);
		return NULL;
	}
	b->nslabs--;
	return s;
}

static void
retire_all(struct list_node *n)
{
	while (n != NULL) {
		struct slab *s = list_entry(n, struct slab, link);

		n = n->next;
		slab_retire(s);
	}
}

/*
 * Returns those of the blocks that belong to b; the others move to the front
 * of the array, and their number is the result.
 */
static size_t
flush_to_bin(struct bin *b, void **blocks, size_t n)
{
	struct list retired = { NULL };
	size_t rest = 0;

	lock_take(&b->lock, LOCK_BIN);
	b->nflushes++;
	for (size_t i = 0; i < n; i++) {
		struct slab *s = slab_find(blocks[i]);

		ensure(s != NULL, "free(): a block was freed twice, and its "
				  "slab is gone");
		if (s->bin != b) {
			blocks[rest++] = blocks[i];
			continue;
		}
		s = put_locked(b, s, blocks[i]);
		if (s != NULL)
			list_push(&retired, &s->link);
	}
	b->nused -= n - rest;
	lock_drop(&b->lock, LOCK_BIN);
	retire_all(retired.first);
	return rest;
}

void
bin_flush(void **blocks, size_t n)
{
	while (n > 0) {
		struct slab *s = slab_find(blocks[0]);

		ensure(s != NULL, "free(): a block was freed twice, and its "
				  "slab is gone");
		n = flush_to_bin(s->bin, blocks, n);
	}
}

void
bin_trim(struct bin *b, bool only_idle)
{
	struct list retired = { NULL };
	unsigned n;

	lock_take(&b->lock, LOCK_BIN);
	for (n = only_idle ? b->idle : b->nempty; n > 0; n--) {
		list_push(&retired, &pop_empty_locked(b)->link);
		b->nslabs--;
	}
	b->idle = b->nempty;
	lock_drop(&b->lock, LOCK_BIN);
	retire_all(retired.first);
}

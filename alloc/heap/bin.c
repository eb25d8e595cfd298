/*
 * bin.c -- see bin.h.
 */
#include "bin.h"
#include "../base/check.h"

/* Which list a slab with a free slot belongs on. */
static unsigned
fullness(const struct slab *s)
{
	return (unsigned)((s->nfree - 1) * BIN_FULLNESS / s->nslots);
}

static void
link_locked(struct bin *b, struct slab *s)
{
	s->fullness = (uint8_t)fullness(s);
	list_push(&b->partial[s->fullness], &s->link);
}

static void
unlink_locked(struct bin *b, struct slab *s)
{
	list_remove(&b->partial[s->fullness], &s->link);
}

static struct slab *
fullest_locked(struct bin *b)
{
	for (unsigned i = 0; i < BIN_FULLNESS; i++) {
		if (b->partial[i].first != NULL)
			return list_entry(b->partial[i].first, struct slab,
					  link);
	}
	return NULL;
}

/* Takes from one slab and puts it where it belongs now. */
static size_t
take_locked(struct bin *b, struct slab *s, void **out, size_t n)
{
	size_t got;

	if (s->nfree == s->nslots)
		b->nempty--;
	got = slab_take(s, out, n);
	b->nused += got;
	if (s->nfree == 0) {
		unlink_locked(b, s);
	} else if (fullness(s) != s->fullness) {
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
	b->nslabs_made++;
	b->nempty++;
	link_locked(b, s);
	got = take_locked(b, s, out, n);
	lock_drop(&b->lock, LOCK_BIN);
	return got;
}

/*
 * Puts one block back. A slab that ran empty is unlinked and returned where
 * the bin has an empty one already.
 */
static struct slab *
put_locked(struct bin *b, struct slab *s, void *p)
{
	slab_put(s, p);
	b->nused--;
	if (s->nfree == 1) {
		link_locked(b, s);
	} else if (fullness(s) != s->fullness) {
		unlink_locked(b, s);
		link_locked(b, s);
	}
	if (s->nfree < s->nslots)
		return NULL;
	if (b->nempty == 0) {
		b->nempty = 1;
		return NULL;
	}
	unlink_locked(b, s);
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

size_t
bin_trim(struct bin *b)
{
	struct list_node *n = NULL;

	lock_take(&b->lock, LOCK_BIN);
	if (b->nempty > 0)
		n = b->partial[BIN_FULLNESS - 1].first;
	while (n != NULL) {
		struct slab *s = list_entry(n, struct slab, link);

		if (s->nfree == s->nslots)
			break;
		n = n->next;
	}
	if (n != NULL) {
		unlink_locked(b, list_entry(n, struct slab, link));
		b->nempty = 0;
		b->nslabs--;
	}
	lock_drop(&b->lock, LOCK_BIN);
	if (n == NULL)
		return 0;
	slab_retire(list_entry(n, struct slab, link));
	return SLAB_NPAGES;
}

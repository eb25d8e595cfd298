/*
 * reset.c -- see reset.h.
 *
 * Which blocks there are is read under the page heap's lock: whoever retires a
 * slab meanwhile (a tick does, with empty ones) takes it out of the table
 * first, and gives record and pages back under that lock afterwards. So a slab
 * that is seen in the table is one until the lock is dropped. The blocks are
 * then freed as ever, without it, for a bin's lock comes before.
 */
#include "large.h"
#include "reset.h"

#define BATCH 512

struct batch {
	void *slots[BATCH];
	size_t nslots;
	void *runs[BATCH];
	size_t nruns;
};

static bool
is_full(const struct batch *b)
{
	return b->nslots == BATCH || b->nruns == BATCH;
}

/* Page runs whose first page is one of [page, end). */
static void
collect_runs(const struct region *r, size_t page, size_t end, struct batch *b)
{
	for (; page < end && b->nruns < BATCH; page++) {
		if (pagemap_get(r, page) == CLASS_TO_MAP(CLASS_RUN))
			b->runs[b->nruns++] = (char *)r->base +
					      (page << PAGE_SHIFT);
	}
}

/* 64 KiB: a slab and what lies behind it, or page runs. */
static void
collect_unit(const struct region *r, char *unit, struct batch *b)
{
	const struct slab *s = *region_slab(r, unit);
	size_t page = region_page(r, unit), end = page + SLAB_NPAGES;

	if (s != NULL) {
		b->nslots += slab_used(s, b->slots + b->nslots,
				       BATCH - b->nslots);
		page += class_slab_npages(s->cls);
	}
	collect_runs(r, page, end, b);
}

static void
collect_chunk(const struct chunk *c, struct batch *b)
{
	const struct region *r = region_find(c->base);

	for (size_t at = 0; at < CHUNK_BYTES && !is_full(b); at += SLAB_BYTES)
		collect_unit(r, c->base + at, b);
}

static void
collect_locked(struct pageheap *ph, struct batch *b)
{
	for (unsigned i = 0; i < CHUNK_NBUCKETS; i++) {
		struct list_node *n = ph->buckets[i].first;

		for (; n != NULL && !is_full(b); n = n->next)
			collect_chunk(list_entry(n, struct chunk, link), b);
	}
}

static size_t
free_batch(struct arena *a)
{
	struct batch b;

	b.nslots = b.nruns = 0;
	lock_take(&a->pages.lock, LOCK_PAGES);
	collect_locked(&a->pages, &b);
	lock_drop(&a->pages.lock, LOCK_PAGES);
	bin_flush(b.slots, b.nslots);
	for (size_t i = 0; i < b.nruns; i++)
		large_free(b.runs[i]);
	return b.nslots + b.nruns;
}

size_t
arena_free_all(struct arena *a)
{
	size_t n, total = 0;

	while ((n = free_batch(a)) > 0)
		total += n;
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		if (bin_is_used(&a->bins[cls]))
			bin_trim(&a->bins[cls], false);
	}
	return total;
}

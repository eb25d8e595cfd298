/*
 * pageheap_purge.c -- see pageheap.h: what of a page heap goes back, and when.
 */
#include "pageheap.h"
#include "pageheap_locked.h"

/* Page runs purged in one go. */
#define BATCH 64

static size_t
claim_chunk_locked(struct pageheap *ph, struct chunk *c, bool only_stale,
		   struct os_range *out, size_t max)
{
	size_t before = c->ndirty, n, pages = 0;

	n = chunk_claim(c, only_stale, out, max);
	for (size_t i = 0; i < n; i++)
		pages += out[i].bytes >> PAGE_SHIFT;
	ph->nused += pages;
	pageheap_redirty_locked(ph, c, before);
	pageheap_relist_locked(ph, c);
	return n;
}

/*
 * Claims up to `max` ranges from chunks that this purge has not been to; with
 * max == 0 they only age. The list changes between two batches, hence a mark
 * on the chunk and no cursor.
 */
static size_t
claim_batch_locked(struct pageheap *ph, bool only_stale,
		   struct os_range *ranges, size_t max)
{
	struct list_node *node = ph->dirty.first;
	size_t n = 0;

	while (node != NULL && (n < max || max == 0)) {
		struct chunk *c = list_entry(node, struct chunk, dirty_link);

		node = node->next;
		if (c->tick == ph->tick)
			continue;
		n += claim_chunk_locked(ph, c, only_stale, ranges + n, max - n);
		/* A full batch may have left some of this chunk. */
		if (n < max || max == 0)
			c->tick = ph->tick;
	}
	return n;
}

static void
settle_locked(struct pageheap *ph, const struct os_range *range, bool purged)
{
	struct chunk *c = region_chunk(region_find(range->addr), range->addr);
	size_t before = c->ndirty;

	chunk_settle(c, range, purged);
	ph->nused -= range->bytes >> PAGE_SHIFT;
	pageheap_redirty_locked(ph, c, before);
	pageheap_keep_or_leave_locked(ph, c);
}

/* One batch: claim under the lock, purge without it, settle under it. */
static size_t
purge_batch(struct pageheap *ph, bool only_stale, size_t max, size_t *nclaimed)
{
	struct os_range ranges[BATCH];
	struct purge_stats stats = { 0 };
	size_t n, went;

	lock_take(&ph->lock, LOCK_PAGES);
	n = claim_batch_locked(ph, only_stale, ranges, max);
	lock_drop(&ph->lock, LOCK_PAGES);
	*nclaimed = n;
	if (n == 0)
		return 0;
	went = purge_ranges(ranges, n, &stats);
	lock_take(&ph->lock, LOCK_PAGES);
	for (size_t i = 0; i < n; i++)
		settle_locked(ph, &ranges[i], i < went);
	purge_stats_add(&ph->purge, &stats);
	lock_drop(&ph->lock, LOCK_PAGES);
	return (size_t)stats.npages;
}

size_t
pageheap_purge(struct pageheap *ph, bool only_stale, size_t max_pages)
{
	size_t total = 0, npages, nclaimed;

	lock_take(&ph->lock, LOCK_PAGES);
	ph->tick++;
	lock_drop(&ph->lock, LOCK_PAGES);
	do {
		size_t max = total < max_pages ? BATCH : 0;

		npages = purge_batch(ph, only_stale, max, &nclaimed);
		total += npages;
		/* A kernel that refuses once will refuse again. */
	} while (nclaimed == BATCH && npages > 0);
	return total;
}

/* How much more was used at once in this tick than in the one before. */
static size_t
growth_locked(const struct pageheap *ph)
{
	return max_size(ph->peak, ph->old_peaks[0]) - ph->old_peaks[0];
}

size_t
pageheap_tick(struct pageheap *ph, unsigned window)
{
	size_t most, demand;

	lock_take(&ph->lock, LOCK_PAGES);
	/* A purge that is under way counts its pages as used. */
	most = max_size(ph->peak, ph->nused);
	for (unsigned i = 0; i + 1 < window; i++)
		most = max_size(most, ph->old_peaks[i]);
	demand = max_size(most - ph->nused, growth_locked(ph));
	for (unsigned i = PAGEHEAP_WINDOW_MAX - 2; i > 0; i--)
		ph->old_peaks[i] = ph->old_peaks[i - 1];
	ph->old_peaks[0] = ph->peak;
	ph->peak = ph->nused;
	lock_drop(&ph->lock, LOCK_PAGES);
	return demand;
}

/* --- the books ------------------------------------------------------------------ */

bool
pageheap_books(struct chunk *c, uint64_t resident[CHUNK_NWORDS])
{
	struct pageheap *ph = chunk_owner(c);
	bool is_its;

	if (ph == NULL)
		return pagepool_books(c, resident);
	lock_take(&ph->lock, LOCK_PAGES);
	is_its = chunk_owner(c) == ph;
	if (is_its)
		chunk_books(c, resident);
	lock_drop(&ph->lock, LOCK_PAGES);
	return is_its;
}

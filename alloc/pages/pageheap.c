/*
 * pageheap.c -- see pageheap.h.
 */
#include "pageheap.h"
#include "../base/bits.h"
#include "bell.h"

/*
 * How many chunks of a bucket are looked at for the fullest that fits, and how
 * many may turn out not to fit at the first glance.
 */
#define LOOKS   4
#define GLANCES 64

/* Page runs purged in one go. */
#define BATCH 64

/* --- lists ----------------------------------------------------------------- */

static struct chunk *
link_chunk(struct list_node *n)
{
	return list_entry(n, struct chunk, link);
}

/* Puts a chunk on the list of its bucket after its bitmaps changed. */
static void
relist_locked(struct pageheap *ph, struct chunk *c)
{
	unsigned bucket = chunk_bucket(c);

	if (bucket == c->bucket)
		return;
	list_remove(&ph->buckets[c->bucket], &c->link);
	c->bucket = (uint8_t)bucket;
	list_push(&ph->buckets[bucket], &c->link);
}

size_t
pageheap_ndirty(const struct pageheap *ph)
{
	return atomic_load_explicit(&ph->ndirty, memory_order_relaxed);
}

/* Relaxed: the lock orders the writers; the reader wants a hint. */
static void
add_dirty_locked(struct pageheap *ph, size_t n)
{
	atomic_store_explicit(&ph->ndirty, pageheap_ndirty(ph) + n,
			      memory_order_relaxed);
}

uint64_t
pageheap_nrefaults(const struct pageheap *ph)
{
	return atomic_load_explicit(&ph->nrefaults, memory_order_relaxed);
}

/* Relaxed: as above. */
static void
add_refaults_locked(struct pageheap *ph, size_t n)
{
	if (n > 0)
		atomic_store_explicit(&ph->nrefaults,
				      pageheap_nrefaults(ph) + n,
				      memory_order_relaxed);
}

/* Keeps the sums and the dirty list right after ndirty went from `before`. */
static void
redirty_locked(struct pageheap *ph, struct chunk *c, size_t before)
{
	add_dirty_locked(ph, (size_t)c->ndirty - before);
	if (before == 0 && c->ndirty > 0)
		list_push(&ph->dirty, &c->dirty_link);
	if (before > 0 && c->ndirty == 0)
		list_remove(&ph->dirty, &c->dirty_link);
}

static void
adopt_locked(struct pageheap *ph, struct chunk *c)
{
	chunk_set_owner(c, ph);
	/* Whatever its last owner's purges were numbered. */
	c->tick = ph->tick - 1;
	c->longest = CHUNK_NPAGES;
	c->bucket = (uint8_t)chunk_bucket(c);
	list_push(&ph->buckets[c->bucket], &c->link);
	redirty_locked(ph, c, 0);
	ph->nchunks++;
}

/* A chunk without a used page leaves for the pool. */
static void
disown_locked(struct pageheap *ph, struct chunk *c)
{
	size_t ndirty = c->ndirty;

	list_remove(&ph->buckets[c->bucket], &c->link);
	if (ndirty > 0)
		list_remove(&ph->dirty, &c->dirty_link);
	add_dirty_locked(ph, 0 - ndirty);
	ph->nchunks--;
	pagepool_put(c);
}

/* --- taking ------------------------------------------------------------------ */

static bool
take_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t n)
{
	size_t before = c->ndirty;
	size_t nrefaults = chunk_refaults(c, start, n);
	bool is_zero = chunk_take(c, start, n);

	add_refaults_locked(ph, nrefaults);
	/* Of the pages taken, those that were not dirty. */
	bell_spend(n - (before - c->ndirty));
	ph->nused += n;
	ph->peak = max_size(ph->peak, ph->nused);
	redirty_locked(ph, c, before);
	relist_locked(ph, c);
	return is_zero;
}

/* A place for a run, and how much we would like it. */
struct candidate {
	struct chunk *chunk;
	size_t start;
	size_t merit;
};

/* Resident pages before fresh ones, then the fullest chunk. */
static size_t
merit(const struct chunk *c, size_t npages)
{
	return c->nused + (c->ndirty >= npages ? CHUNK_NPAGES : 0);
}

static void
look_in_bucket(const struct pageheap *ph, unsigned bucket, size_t npages,
	       size_t align_pages, struct candidate *best)
{
	struct list_node *n = ph->buckets[bucket].first;
	unsigned looks = 0, glances = 0;

	for (; looks < LOOKS && glances < GLANCES && n != NULL;
	     glances++, n = n->next) {
		struct chunk *c = link_chunk(n);
		size_t start;

		if (c->longest < npages ||
		    (best->chunk != NULL && merit(c, npages) <= best->merit) ||
		    !chunk_find(c, npages, align_pages, &start))
			continue;
		looks++;
		best->chunk = c;
		best->start = start;
		best->merit = merit(c, npages);
	}
}

static void *
alloc_in_chunk_locked(struct pageheap *ph, size_t npages, size_t align_pages,
		      bool *is_zero)
{
	struct candidate best = { NULL, 0, 0 };

	for (unsigned b = log2_floor(npages);
	     b < CHUNK_FULL && best.chunk == NULL; b++)
		look_in_bucket(ph, b, npages, align_pages, &best);
	if (best.chunk == NULL) {
		best.chunk = pagepool_take(1, CHUNK_BYTES);
		if (best.chunk == NULL)
			return NULL;
		adopt_locked(ph, best.chunk);
	}
	*is_zero = take_locked(ph, best.chunk, best.start, npages);
	return best.chunk->base + (best.start << PAGE_SHIFT);
}

/* Whole chunks; the last one may keep free pages behind the run. */
static void *
alloc_span_locked(struct pageheap *ph, size_t npages, size_t align_pages,
		  bool *is_zero)
{
	size_t count = (npages + CHUNK_NPAGES - 1) / CHUNK_NPAGES;
	size_t alignment = max_size(align_pages << PAGE_SHIFT, CHUNK_BYTES);
	struct chunk *c = pagepool_take(count, alignment);

	if (c == NULL)
		return NULL;
	*is_zero = true;
	for (size_t i = 0; i < count; i++) {
		size_t n = min_size(npages - i * CHUNK_NPAGES, CHUNK_NPAGES);

		adopt_locked(ph, &c[i]);
		*is_zero &= take_locked(ph, &c[i], 0, n);
	}
	return c->base;
}

void *
pageheap_alloc(struct pageheap *ph, size_t npages, size_t align_pages,
	       bool *is_zero)
{
	void *addr;

	lock_take(&ph->lock, LOCK_PAGES);
	if (npages > CHUNK_NPAGES || align_pages > CHUNK_NPAGES)
		addr = alloc_span_locked(ph, npages, align_pages, is_zero);
	else
		addr = alloc_in_chunk_locked(ph, npages, align_pages, is_zero);
	lock_drop(&ph->lock, LOCK_PAGES);
	bell_warn();
	return addr;
}

/* --- giving ------------------------------------------------------------------ */

static void
give_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t n,
	    bool is_clean)
{
	size_t before = c->ndirty;

	if (is_clean)
		chunk_release(c, start, n);
	else
		chunk_give(c, start, n);
	ph->nused -= n;
	redirty_locked(ph, c, before);
	if (c->nused == 0)
		disown_locked(ph, c);
	else
		relist_locked(ph, c);
}

struct pageheap *
pageheap_of(const void *addr)
{
	return chunk_owner(region_chunk(region_find(addr), addr));
}

static void
free_run(void *addr, size_t npages, bool is_clean)
{
	struct chunk *c = region_chunk(region_find(addr), addr);
	struct pageheap *ph = chunk_owner(c);
	size_t start = chunk_page(c, addr);

	lock_take(&ph->lock, LOCK_PAGES);
	while (npages > 0) {
		size_t n = min_size(npages, CHUNK_NPAGES - start);

		give_locked(ph, c, start, n, is_clean);
		npages -= n;
		start = 0;
		c++;
	}
	lock_drop(&ph->lock, LOCK_PAGES);
	bell_ring();
}

void
pageheap_free(void *addr, size_t npages)
{
	free_run(addr, npages, false);
}

void
pageheap_free_clean(void *addr, size_t npages)
{
	free_run(addr, npages, true);
}

void
pageheap_free_parts(void *addr, size_t npages, uint64_t clean)
{
	while (npages > 0) {
		bool is_clean = clean & 1;
		size_t n = 1;

		while (n < npages && (clean >> n & 1) == is_clean)
			n++;
		free_run(addr, n, is_clean);
		addr = (char *)addr + (n << PAGE_SHIFT);
		npages -= n;
		clean >>= n - 1;
		clean >>= 1;
	}
}

/* The pages behind a run, as far as whole chunks of the pool are needed. */
static bool
extend_over_chunks_locked(struct pageheap *ph, struct chunk *c, size_t start,
			  size_t more)
{
	size_t here = CHUNK_NPAGES - start, rest = more - here;
	size_t count = (rest + CHUNK_NPAGES - 1) / CHUNK_NPAGES;

	if (here > 0 && !chunk_is_free(c, start, here))
		return false;
	if (!pagepool_take_at(c + 1, count))
		return false;
	if (here > 0)
		take_locked(ph, c, start, here);
	for (size_t i = 1; i <= count; i++) {
		size_t n = min_size(rest, CHUNK_NPAGES);

		adopt_locked(ph, &c[i]);
		take_locked(ph, &c[i], 0, n);
		rest -= n;
	}
	return true;
}

static bool
extend_locked(struct pageheap *ph, struct chunk *c, size_t start, size_t more)
{
	if (start + more > CHUNK_NPAGES)
		return extend_over_chunks_locked(ph, c, start, more);
	if (!chunk_is_free(c, start, more))
		return false;
	take_locked(ph, c, start, more);
	return true;
}

bool
pageheap_extend(void *addr, size_t npages, size_t more)
{
	char *last = (char *)addr + ((npages - 1) << PAGE_SHIFT);
	struct chunk *c = region_chunk(region_find(addr), last);
	struct pageheap *ph = chunk_owner(c);
	bool fits;

	lock_take(&ph->lock, LOCK_PAGES);
	fits = extend_locked(ph, c, chunk_page(c, last) + 1, more);
	lock_drop(&ph->lock, LOCK_PAGES);
	bell_warn();
	return fits;
}

void
pageheap_note_moved(void *addr, size_t npages)
{
	struct chunk *c = region_chunk(region_find(addr), addr);
	struct pageheap *ph = chunk_owner(c);
	size_t count = (npages + CHUNK_NPAGES - 1) / CHUNK_NPAGES;

	lock_take(&ph->lock, LOCK_PAGES);
	for (size_t i = 0; i < count; i++)
		pagepool_note_moved(&c[i], i == 0);
	lock_drop(&ph->lock, LOCK_PAGES);
}

/* --- purging ----------------------------------------------------------------- */

static size_t
claim_chunk_locked(struct pageheap *ph, struct chunk *c, bool only_stale,
		   struct os_range *out, size_t max)
{
	size_t before = c->ndirty, n, pages = 0;

	n = chunk_claim(c, only_stale, out, max);
	for (size_t i = 0; i < n; i++)
		pages += out[i].bytes >> PAGE_SHIFT;
	ph->nused += pages;
	redirty_locked(ph, c, before);
	relist_locked(ph, c);
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
	redirty_locked(ph, c, before);
	if (c->nused == 0)
		disown_locked(ph, c);
	else
		relist_locked(ph, c);
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

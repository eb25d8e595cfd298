/*
 * chunk.h -- page runs inside one chunk: find, take, give, claim.
 *
 * Above   pagepool, pageheap
 * Lock    none of its own: pure functions on a record whose owner's lock the
 *         caller holds
 * Always  nused, ndirty, nsoiled and longest agree with the bitmaps at return
 */
#ifndef TRI_PAGES_CHUNK_H
#define TRI_PAGES_CHUNK_H

#include "../os/os.h"
#include "region.h"

/* The bucket of a chunk without a free page; below it, log2 of `longest`. */
#define CHUNK_FULL     10u
#define CHUNK_NBUCKETS 11u

/*
 * The best place for npages at a multiple of align_pages: where half of the
 * pages are still resident before fresh ones, then the tightest hole, then
 * the lowest. False where there is none.
 */
bool chunk_find(const struct chunk *c, size_t npages, size_t align_pages,
		size_t *start);

/* Takes [start, start + n), all free. True where all of it reads as zero. */
bool chunk_take(struct chunk *c, size_t start, size_t n);

/*
 * Of a range that is about to be taken: how many of its pages went back since
 * they were used. Not asked for twice. Pages that moved to another place with
 * their block did not go back.
 */
size_t chunk_refaults(struct chunk *c, size_t start, size_t n);

/* Gives a taken range back; it becomes dirty. */
void chunk_give(struct chunk *c, size_t start, size_t n);

/* The same, and it is clean, for its memory went back. */
void chunk_release(struct chunk *c, size_t start, size_t n);

/* The same for a whole chunk whose pages moved away: no refaults. */
void chunk_move_away(struct chunk *c);

/* All dirty pages of a chunk that nobody uses went back. */
void chunk_clean(struct chunk *c);

/* True where [start, start + n) lies in the chunk and is free. */
bool chunk_is_free(const struct chunk *c, size_t start, size_t n);

/*
 * Claims dirty pages for a purge: their ranges, at most `max`, go to out[] and
 * their pages become used, so that nobody takes them while no lock is held.
 * With only_stale, just pages that were dirty already at the last claim; what
 * is dirty now becomes stale for the next one, with max == 0 too. Returns how
 * many ranges. Where the kernel's pages are larger than ours, ranges are whole
 * pages of the kernel's, with the clean pages on them; a dirty page beside a
 * used one becomes soiled.
 */
size_t chunk_claim(struct chunk *c, bool only_stale, struct os_range *out,
		   size_t max);

/* Ends a claim of one range: free again, and clean if it was purged. */
void chunk_settle(struct chunk *c, const struct os_range *range, bool purged);

/* The pages that our books take for resident, a bit for each. */
void chunk_books(const struct chunk *c, uint64_t resident[CHUNK_NWORDS]);

/*
 * Of a used page of a slab: whether it went back. Its bin is locked, or the
 * slab is nobody's any more.
 */
void chunk_note_away(struct chunk *c, size_t page, bool is_away);

/*
 * Relaxed: an owner is set before the first of its pages is handed out, and
 * changes only when none is; who has neither a page nor the owner's lock gets
 * a guess, to be looked at again under that lock.
 */
ALWAYS_INLINE struct pageheap *
chunk_owner(const struct chunk *c)
{
	return atomic_load_explicit(&c->owner, memory_order_relaxed);
}

ALWAYS_INLINE void
chunk_set_owner(struct chunk *c, struct pageheap *owner)
{
	atomic_store_explicit(&c->owner, owner, memory_order_relaxed);
}

/*
 * True where a page was never handed out since its chunk is there. Right under
 * the owner's lock, and without it for a page that nobody takes meanwhile.
 */
ALWAYS_INLINE bool
chunk_is_fresh(const struct chunk *c, size_t page)
{
	size_t w = page / 64;

	return ((c->used[w] | c->dirty[w] | c->soiled[w] | c->purged[w]) >>
			(page % 64) &
		1) == 0;
}

/* How many of our pages are one of the kernel's. */
ALWAYS_INLINE unsigned
chunk_unit(void)
{
	return (unsigned)(os_page_bytes() >> PAGE_SHIFT);
}

/* The bucket that `longest` asks for. */
ALWAYS_INLINE unsigned
chunk_bucket(const struct chunk *c)
{
	return c->longest == 0 ? CHUNK_FULL : log2_floor(c->longest);
}

ALWAYS_INLINE size_t
chunk_page(const struct chunk *c, const void *addr)
{
	return (size_t)((const char *)addr - c->base) >> PAGE_SHIFT;
}

#endif

/*
 * pageheap.h -- one arena's page runs.
 *
 * Above   heap/slab (64 KiB runs), heap/large (all else)
 * Lock    ph->lock (LOCK_PAGES) inside; no kernel call under it but the
 *         pool's growth
 * Always  every chunk a page heap owns has a used page and lies on the list
 *         of its bucket; a chunk that ran empty goes to the pool
 *
 * A run of up to 512 pages lies in one chunk; a longer one takes neighbouring
 * chunks whole, and the rest of the last of them serves other runs.
 */
#ifndef TRI_PAGES_PAGEHEAP_H
#define TRI_PAGES_PAGEHEAP_H

#include "../os/lock.h"
#include "pagepool.h"

struct pageheap {
	struct lock lock;
	uint32_t tick; /* numbers the purges, so that each sees a chunk once */
	struct list buckets[CHUNK_NBUCKETS];
	struct list dirty;
	size_t nused;          /* pages; those a purge holds too */
	size_t peak, old_peak; /* of nused, in this tick and the one before */
	_Atomic size_t ndirty; /* pages; others read it as a hint */
	size_t nchunks;
	struct purge_stats purge;
};

/*
 * npages at a multiple of align_pages (a power of two). *is_zero: all of it
 * reads as zero. NULL where memory is used up.
 */
void *pageheap_alloc(struct pageheap *ph, size_t npages, size_t align_pages,
		     bool *is_zero);

/* Frees a run, or the end of one. Any thread; finds the owner itself. */
void pageheap_free(void *addr, size_t npages);

/* The same for pages that are known to read as zero. */
void pageheap_free_clean(void *addr, size_t npages);

/*
 * Grows a run at its end without moving it; false where the pages behind it
 * are taken. The new pages' contents are undefined.
 */
bool pageheap_extend(void *addr, size_t npages, size_t more);

/* Notes that the pages of a run came by os_move_pages. */
void pageheap_note_moved(void *addr, size_t npages);

/*
 * Gives up to max_pages (or some ranges more) dirty pages back to the kernel;
 * only_stale as in chunk_claim(). Holds no lock during the calls. Returns
 * pages given back.
 */
size_t pageheap_purge(struct pageheap *ph, bool only_stale, size_t max_pages);

/*
 * Ends a tick. Returns the demand: how many pages more than now were used at
 * once during the last two ticks, and so are likely to be wanted again.
 */
size_t pageheap_tick(struct pageheap *ph);

/* Dirty pages: a hint, read without the lock. */
size_t pageheap_ndirty(const struct pageheap *ph);

/* The page heap a run belongs to. */
struct pageheap *pageheap_of(const void *addr);

#endif

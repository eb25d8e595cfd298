/*
 * pagepool.h -- whole free chunks, shared by all page heaps.
 *
 * Above   pageheap (LOCK_PAGES held), control's purge
 * Lock    LOCK_MAP inside
 * Always  a chunk in the pool has nused == 0 and no owner; its dirty pages
 *         are counted here
 */
#ifndef TRI_PAGES_PAGEPOOL_H
#define TRI_PAGES_PAGEPOOL_H

#include "chunk.h"

struct purge_stats {
	uint64_t ncalls;  /* purges that gave something back */
	uint64_t nranges; /* page runs among them */
	uint64_t npages;
	uint64_t ns; /* spent in the kernel */
	uint64_t nfailed;
	uint64_t ndecommitted; /* whole chunks, with their commit charge */
};

/*
 * `count` neighbouring chunks, committed, at a multiple of alignment (a power
 * of two, at least CHUNK_BYTES): dirty ones first, then clean ones, then new
 * ones. The first one's record; the others follow it. NULL: out of memory.
 */
struct chunk *pagepool_take(size_t count, size_t alignment);

/* Takes `count` chunks from c on, if all of them are in the pool. */
bool pagepool_take_at(struct chunk *c, size_t count);

/* Puts one chunk back, all its pages free. */
void pagepool_put(struct chunk *c);

/*
 * The same for one whose mapping is not as ours are (advice, locks): with a new
 * one, without contents. False where the kernel refuses. No lock is held.
 */
bool pagepool_put_anew(struct chunk *c);

/*
 * Gives up to max_pages (or a chunk more) dirty pages of the pool back to the
 * kernel; only_stale as in chunk_claim(). No lock is held during the calls.
 * Returns pages given back.
 */
size_t pagepool_purge(bool only_stale, size_t max_pages);

struct pagepool_stats {
	size_t nchunks;      /* handed out by the regions, ever */
	size_t npooled;      /* of them in the pool */
	size_t ndirty_pages; /* in the pool */
	struct purge_stats purge;
};

void pagepool_stats(struct pagepool_stats *out);

/* Chunks of a region that were handed out, ever. */
size_t pagepool_nchunks(const struct region *r);

/* As pageheap_books(), for a chunk that no page heap owns. */
bool pagepool_books(struct chunk *c, uint64_t resident[CHUNK_NWORDS]);

/* Options are known: huge pages by option, and free()'s fast path. */
void pagepool_open_front(void);

/*
 * Moving pages leaves seams between the kernel's mappings: may one more range
 * get some? Notes a chunk of one; its owner's lock is held. A tick heals them
 * when they are free.
 */
bool pagepool_may_move(void);
void pagepool_note_moved(struct chunk *c, bool is_first);

/* Dirty pages in the pool: a hint, read without the lock. */
size_t pagepool_ndirty(void);

void purge_stats_add(struct purge_stats *to, const struct purge_stats *from);

/*
 * Purges `n` claimed ranges of chunks that are in use, and counts; returns how
 * many went. One caller at a time (LOCK_TRIM).
 */
size_t purge_ranges(const struct os_range *ranges, size_t n,
		    struct purge_stats *stats);

/* For fork.c. */
void pagepool_lock(void);
void pagepool_unlock(void);

#endif

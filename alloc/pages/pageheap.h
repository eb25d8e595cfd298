/*
 * pageheap.h -- one arena's page runs.
 *
 * Above   heap/slab (64 KiB runs), heap/large (all else)
 * Lock    ph->lock (LOCK_PAGES) inside; no kernel call under it but the
 *         pool's growth
 * Always  every chunk a page heap owns lies on the list of its bucket and,
 *         unless it keeps_chunks, has a used page; one that ran empty goes to
 *         the pool
 *
 * A run of up to 512 pages lies in one chunk; a longer one takes neighbouring
 * chunks whole, and the rest of the last of them serves other runs.
 */
#ifndef TRI_PAGES_PAGEHEAP_H
#define TRI_PAGES_PAGEHEAP_H

#include "../os/lock.h"
#include "hooks.h"
#include "pagepool.h"

/* The most ticks that pageheap_tick() looks back on. */
#define PAGEHEAP_WINDOW_MAX 8u

struct pageheap {
	struct lock lock;
	uint32_t tick; /* numbers the purges, so that each sees a chunk once */
	struct list buckets[CHUNK_NBUCKETS];
	struct list dirty;
	size_t nused; /* pages; those a purge holds too */
	size_t peak;  /* of nused in this tick, */
	size_t old_peaks[PAGEHEAP_WINDOW_MAX - 1]; /* and before: a ring */
	_Atomic size_t ndirty; /* pages; others read it as a hint */
	size_t nchunks;
	bool is_apart;     /* no cache keeps what lies here: heap/arena.h */
	bool keeps_chunks; /* those that ran empty, too: hooks.h */
	unsigned arena;    /* what hooks are told */
	struct extent_hooks *hooks; /* NULL: chunks come from the pool */
	_Atomic uint64_t nrefaults; /* pages taken again after a purge */
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

/* The same for whole chunks whose pages os_move_pages took elsewhere. */
void pageheap_free_moved(void *addr, size_t npages);

/* The same for a run of at most 64 pages: those with a one in `clean` do. */
void pageheap_free_parts(void *addr, size_t npages, uint64_t clean);

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
 * once during the last `window` ticks (2 to PAGEHEAP_WINDOW_MAX), and so are
 * likely to be wanted again; but at least as many as the use grew by in this
 * tick, for it may go on growing.
 */
size_t pageheap_tick(struct pageheap *ph, unsigned window);

/* Dirty pages: a hint, read without the lock. */
size_t pageheap_ndirty(const struct pageheap *ph);

/* Pages taken again that had been purged, ever: as the one above. */
uint64_t pageheap_nrefaults(const struct pageheap *ph);

/*
 * The pages of any chunk that our books take for resident, a bit for each.
 * False while it changes hands, or is in a purge's.
 */
bool pageheap_books(struct chunk *c, uint64_t resident[CHUNK_NWORDS]);

/*
 * From now on chunks come by these hooks, and stay until pageheap_end(). NULL,
 * before that was ever called: the pool's, as at birth.
 */
void pageheap_set_hooks(struct pageheap *ph, struct extent_hooks *hooks,
			unsigned arena);
struct extent_hooks *pageheap_hooks(struct pageheap *ph);

/*
 * Gives back what a page heap with hooks kept, and its hooks; none of its pages
 * is used. In two steps: the caller holds LOCK_TRIM in the first, so that no
 * purge is in the midst of them, and no lock in the second.
 */
struct list pageheap_detach(struct pageheap *ph);
void pageheap_end(struct pageheap *ph, struct list chunks);

/* The page heap a run belongs to. */
struct pageheap *pageheap_of(const void *addr);

#endif

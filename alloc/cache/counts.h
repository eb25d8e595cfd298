/*
 * counts.h -- how many bytes a thread took and freed, for who asks.
 *
 * Above   control/ctl (thread.allocated), thread.c (the thread's end)
 * Lock    the cache's (LOCK_CACHE) inside
 * Always  about the calling thread alone; a thread that never asked pays
 *         nothing, one that did has no fast path any more (tcache.h says why
 *         that is right): malloc and free of 64 bytes take 48 ns, not 4
 *         (tests/process/counted)
 */
#ifndef TRI_CACHE_COUNTS_H
#define TRI_CACHE_COUNTS_H

#include "tcache.h"

struct cache_counts {
	uint64_t allocated, deallocated;
};

/*
 * The bytes of blocks that the thread took and freed since the first such
 * call, which began to count them. They stay in their place until the thread
 * ends. NULL: no memory.
 */
struct cache_counts *counts_get(void);

/* The thread ends. */
void counts_forget(void);

/*
 * Whoever hands a block out, or takes one back, on behalf of the calling thread
 * says so. Slow paths alone: a thread that is counted has no other.
 */
ALWAYS_INLINE void
cache_note_alloc(size_t bytes)
{
	if (tcache_anchor.counts != NULL)
		tcache_anchor.counts->allocated += bytes;
}

ALWAYS_INLINE void
cache_note_free(size_t bytes)
{
	if (tcache_anchor.counts != NULL)
		tcache_anchor.counts->deallocated += bytes;
}

#endif

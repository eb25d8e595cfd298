/*
 * closing.h -- how others get at a thread's cache, and what they do with it.
 *
 * Above   cache/drain.c, cache/thread.c (fork), api/checked.c (boot)
 * Lock    the cache's (LOCK_CACHE) is held
 * Always  argued in tcache.h
 */
#ifndef TRI_CACHE_CLOSING_H
#define TRI_CACHE_CLOSING_H

#include "tcache.h"

/*
 * How the process uses caches: written at boot, before there are any. Where
 * they stay closed every malloc and free takes the slow path; where they are
 * passed by as well every free block is in a slab or on a shelf, which say
 * exactly what is free.
 */
enum cache_use {
	CACHES_OPEN,
	CACHES_CLOSED,
	CACHES_PASSED_BY,
};

extern enum cache_use cache_use HIDDEN;

/*
 * Closes a cache against its owner, whose anchor it knows. False, and open as
 * before, where the owner is in the middle of a fast path or the kernel has no
 * membarrier.
 */
bool cache_close(struct tcache *c);

/* True where it was the kernel that refused the last time: a sandbox's. */
bool cache_barrier_failed(void);

/*
 * The same in two steps, for many caches with one membarrier between them:
 * begin all, os_membarrier(), end all. Afterwards is_parked says whether the
 * cache is quiescent; one that is not stays closed until cache_open().
 */
void cache_close_begin(struct tcache *c);
void cache_close_end(struct tcache *c, bool had_membarrier);

/* Undoes cache_close. */
void cache_open(struct tcache *c);

/*
 * The calling thread's own cache, locked, and open unless it is to stay closed;
 * NULL where it has none.
 */
struct tcache *cache_lock_own(void);

/* Closes the calling thread's own cache, open or closed as it may be. */
void cache_close_own(struct tcache *c);

/*
 * Empties the bins in which nothing happened since the last call, and lets
 * them have no depth. True if there were others. c is as for cache_empty.
 */
bool cache_empty_quiet(struct tcache *c);

/*
 * True where something happened in every bin that can hold a block, since the
 * last such call: nothing is to be emptied, and the owner need not be
 * disturbed. c->lock is held; c may be open.
 */
bool cache_looks_active(struct tcache *c);

#endif

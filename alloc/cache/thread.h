/*
 * thread.h -- a thread's cache from its first block to its last.
 *
 * Above   tcache.c (birth), api/boot.c (the key), drain, control
 * Lock    LOCK_THREADS for the queue of all caches
 * Always  a cache on the queue has a living owner whose anchor it knows; an
 *         owner that dies takes it off first and then waits for whoever
 *         still holds its lock
 */
#ifndef TRI_CACHE_THREAD_H
#define TRI_CACHE_THREAD_H

#include "tcache.h"

/*
 * Makes the key whose destructor ends a thread's cache. Once, at boot; until
 * then, and where it fails, threads run without a cache.
 */
void thread_boot(void);

/*
 * Gives the calling thread a cache; it has none yet. Leaves it without one
 * (for this time, or for good) where there is no memory.
 */
void thread_birth(void);

/*
 * Visits every cache once: the next that this round has not seen, its lock
 * held, or NULL. No other lock is held at return. Whoever got one ends with
 * lock_drop(&c->lock, LOCK_CACHE).
 */
struct tcache *thread_visit(uint32_t round);

/* A number for a round of visits, different from all before. */
uint32_t thread_new_round(void);

/* How many caches there are. */
size_t thread_count(void);

/*
 * For fork.c. hold: every cache closed and locked, LOCK_THREADS held; waits
 * for owners in the middle of a fast path. In the child the other threads are
 * gone: child_release makes their caches empty and gives them back.
 */
void thread_hold_all(void);
void thread_release_all(void);
void thread_child_release(void);

#endif

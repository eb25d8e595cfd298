/*
 * thread.h -- a thread's cache from its first block to its last.
 *
 * Above   tcache.c (birth), api/boot.c (the key), drain, control
 * Lock    LOCK_THREADS for the queue of all caches; LOCK_ROUND for a round of
 *         visits to all of them
 * Always  a cache on the queue has a living owner whose anchor it knows; an
 *         owner that dies takes it off first and then waits for whoever
 *         still holds its lock
 */
#ifndef TRI_CACHE_THREAD_H
#define TRI_CACHE_THREAD_H

#include <pthread.h>

#include "tcache.h"

/*
 * Makes the key whose destructor ends a thread's cache. Once, at boot; until
 * then, and where it fails, threads run without a cache.
 */
void thread_boot(void);

/*
 * Boots with functions that were not there before: the program has loaded its
 * first library with threads, and makes the first of them (os/libc.h). False
 * where no key is left.
 */
typedef int thread_key_fn(pthread_key_t *, void (*)(void *));
typedef int thread_set_fn(pthread_key_t, const void *);
bool thread_learn(thread_key_fn *make_key, thread_set_fn *set);

/*
 * The calling thread begins to run. Called by the constructor for the first
 * thread and by our pthread_create for the others, so that a thread's end is
 * noticed even if it first allocates in one of its last destructors.
 */
void thread_enter(void);

/* The calling thread is the library's own: it has no cache, and never will. */
void thread_renounce(void);

/* Threads that entered, or have a cache, and did not end yet. */
size_t thread_live(void);

/*
 * Gives the calling thread a cache; it has none yet. Leaves it without one
 * (for this time, or for good) where there is no memory.
 */
void thread_birth(void);

/*
 * The calling thread goes on without a cache, or gets one again; whether it
 * has one now.
 */
bool thread_set_cached(bool is_cached);

/*
 * The calling thread's cache gives all that it holds back, and its arrays.
 * Nothing where it has none.
 */
void thread_flush(void);

/*
 * It allocates from another arena from now on; false where it has no cache.
 * From one apart it does so without its cache.
 */
bool thread_set_arena(struct arena *a);

/*
 * A round visits every cache once: begin, visit until NULL, end. A visit
 * returns the next cache that this round has not seen, its lock held; the
 * visitor drops that (LOCK_CACHE) before the next one. Threads are born and
 * die meanwhile; another round waits.
 */
void thread_begin_round(void);
struct tcache *thread_visit(void);
void thread_end_round(void);

/* False where the kernel has no membarrier: then no cache can be closed. */
bool thread_has_membarrier(void);

/* How many caches there are. */
size_t thread_count(void);

/*
 * For fork.c. hold: every cache is locked and closed, LOCK_THREADS held.
 * release: as before. In the child the other threads are gone: child_release
 * gives their caches back, but for those whose owner was in the middle of a
 * fast path, which are left alone.
 */
void thread_hold_all(void);
void thread_release_all(void);
void thread_child_release(void);

#endif

/*
 * trim.h -- when memory goes back to the kernel.
 *
 * Above   api (malloc_trim, free's slow path, pthread_create, fork)
 * Lock    LOCK_TRIM while pages are purged, so that two purges do not chase
 *         each other; none of the caller's
 * Always  at most one trim thread; it sleeps without a limit while no page is
 *         dirty and no cache holds a block, and ends when it is the last
 *
 * Policy: a tick is a quarter of decay_ms. At each, caches whose thread did
 * nothing since the last one are emptied, page runs that lay on a shelf all
 * the while go to the page heap, and pages that were dirty at the last one
 * already are purged, as far as there are more of them than the demand: the
 * most that was used at once during the last two ticks, less what is used now.
 * So when a load ends its memory is back with the kernel after decay_ms, and a
 * load that pauses for less than half of that finds its pages where they were.
 */
#ifndef TRI_CONTROL_TRIM_H
#define TRI_CONTROL_TRIM_H

#include <pthread.h>

#include "../base/base.h"

/*
 * Gives everything back now: empties all caches, retires empty slabs, purges
 * all dirty pages. Returns the bytes given back. Any thread, no lock held.
 */
size_t trim_now(void);

typedef int trim_create_fn(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);

/*
 * Starts the trim thread by `create` (pthread_create or what stands for it)
 * unless it runs or is switched off. A failure is tried again at the next
 * call. errno may change.
 */
void trim_start(trim_create_fn *create);

/*
 * For a process without a trim thread, from free's slow path: a tick, if one
 * is due. Costs a load where there is a trim thread.
 */
void trim_poll(void);

/* For fork.c: the child has no trim thread until it starts a thread. */
void trim_lock(void);
void trim_unlock(void);
void trim_forget_thread(void);

struct trim_stats {
	bool has_thread;
	uint64_t nticks, ndrains, nforced;
};

void trim_stats(struct trim_stats *out);

#endif

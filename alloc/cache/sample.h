/*
 * sample.h -- when a thread's next block is to be a guarded one.
 *
 * The fast paths count nothing. A thread counts the blocks with which its cache
 * is filled, and those that no cache holds; after a number of them, drawn
 * evenly from 1 to twice the option's less one, the next one is guarded. A fill
 * that would reach beyond it is cut short, so that the next miss of that class
 * is the one. What a thread frees and takes again is not seen so. Hence ten
 * times a second each cache that is in use is closed until its owner has taken
 * sixteen blocks: the CPU time they took, and that which the thread had since
 * the last burst, tell how many blocks it may have taken in between, less those
 * that were counted. That many are counted too, and one of the burst's is
 * guarded where it is due. So a thread that fills its cache all the time has
 * one in N guarded, and one that lives on a few blocks one in N or ten a
 * second, whichever is fewer.
 *
 * Above   tcache.c (fills), control/trim.c (bursts), api/guarded.c
 * Lock    the cache's (LOCK_CACHE) inside sample_take and sample_arm; the
 *         others are called with it
 * Always  a thread is in no burst for longer than it takes for 64 slow frees
 *         or 16 blocks; nothing is done while there is no pool (heap/guard.h)
 */
#ifndef TRI_CACHE_SAMPLE_H
#define TRI_CACHE_SAMPLE_H

#include "../heap/guard.h"
#include "tcache.h"

/* Time between two bursts of a thread. */
#define SAMPLE_NS (100 * NS_PER_MS)

#define SAMPLE_BURST       16u
#define SAMPLE_BURST_FREES 64u

/*
 * The calling thread takes a block of class cls in its slow path: is it to be
 * a guarded one?
 */
bool sample_take(unsigned cls);

/* How many blocks a fill of the caller's own cache may have, of `want`. */
size_t sample_limit(struct tcache *c, size_t want);

/* It had as many. */
void sample_filled(struct tcache *c, unsigned cls, size_t n);

/* Asks all threads that do something for a burst. Any thread, no lock held. */
void sample_arm(void);

/* A block is freed in the slow path. Who only frees has no burst. */
ALWAYS_INLINE void
sample_freed(struct tcache *c)
{
	struct sampling *s = &c->sampling;

	if (s->burst > 0 && ++s->burst_frees == SAMPLE_BURST_FREES)
		s->burst = 0;
}

#endif

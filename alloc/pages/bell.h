/*
 * bell.h -- "there is something to give back": a word to sleep on.
 *
 * Above   pageheap and the thread caches ring; control's trim thread sleeps
 * Lock    none
 * Always  who rings does not know who listens; a ring while nobody sleeps
 *         costs one load
 */
#ifndef TRI_PAGES_BELL_H
#define TRI_PAGES_BELL_H

#include <stdatomic.h>

#include "../os/os.h"

/* 1: somebody sleeps until it is rung. */
extern _Atomic uint32_t bell_asleep;

void bell_ring_slow(void);

/* Call with no lock held: it may enter the kernel. */
ALWAYS_INLINE void
bell_ring(void)
{
	/*
	 * Relaxed: a ring that is missed because the sleeper lies down just
	 * now is made good by the next one, and by what the sleeper looks at
	 * between announcing and sleeping.
	 */
	if (atomic_load_explicit(&bell_asleep, memory_order_relaxed) != 0)
		bell_ring_slow();
}

/* Announces a sleep; look for work once more before bell_sleep(). */
void bell_announce(void);

/* Sleeps until rung or dismissed. */
void bell_sleep(void);

/* Sleeps for a time, deaf to rings; a dismissal ends it. */
void bell_nap(uint64_t ns);

/* Nobody is left to ring: ends the listener's sleep, of either kind. */
void bell_dismiss(void);

#endif

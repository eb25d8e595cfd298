/*
 * bell.h -- "there is something to give back": a word to sleep on.
 *
 * Above   pageheap and the thread caches ring; control's trim thread sleeps
 * Lock    none
 * Always  who rings does not know who listens; a ring while nobody sleeps
 *         costs one load
 *
 * The listener may also set a budget of pages: when as many became resident,
 * it wants to be woken whether it sleeps or naps, for a memory limit may be
 * near by then.
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

#define BELL_FOREVER UINT64_MAX

/* Sleeps until rung or dismissed, or for a time. */
void bell_sleep(uint64_t ns);

/* Sleeps for a time, deaf to rings; a dismissal ends it. */
void bell_nap(uint64_t ns);

/*
 * Ends the listener's sleep, of either kind: it is to look around. Fit for
 * signal handlers.
 */
void bell_dismiss(void);

/* --- near a limit ------------------------------------------------------------- */

extern _Atomic bool bell_is_near_limit;

/*
 * What a limit leaves is little: floors that keep free blocks for later keep
 * next to none from now on; the listener takes what they have. For the listener.
 */
void bell_near_limit(bool is_near);

/* True while that holds. */
ALWAYS_INLINE bool
bell_says_near_limit(void)
{
	/* Relaxed: a hint that carries no data. */
	return atomic_load_explicit(&bell_is_near_limit, memory_order_relaxed);
}

/* --- the budget -------------------------------------------------------------- */

#define BELL_NO_BUDGET INT64_MAX
#define BELL_SPENT     (INT64_MAX - 1)

/* Pages left of it. */
extern _Atomic int64_t bell_budget;

void bell_warn_slow(void);

/* npages more may become resident from now on; BELL_NO_BUDGET: any number. */
void bell_allow(int64_t npages);

/* False where any number may be. */
ALWAYS_INLINE bool
bell_has_budget(void)
{
	/* Relaxed: a hint that carries no data. */
	return atomic_load_explicit(&bell_budget, memory_order_relaxed) !=
	       BELL_NO_BUDGET;
}

/* Fresh pages were handed out. A lock may be held. */
ALWAYS_INLINE void
bell_spend(size_t npages)
{
	/* Relaxed: as above. */
	if (npages > 0 && bell_has_budget())
		atomic_fetch_sub_explicit(&bell_budget, (int64_t)npages,
					  memory_order_relaxed);
}

/*
 * True from when a budget was used up until the next one: what is left is
 * BELL_SPENT, less what latecomers subtracted.
 */
ALWAYS_INLINE bool
bell_is_spent(void)
{
	int64_t left = atomic_load_explicit(&bell_budget, memory_order_relaxed);

	return left > BELL_SPENT / 2 && left != BELL_NO_BUDGET;
}

/* After bell_spend(), with no lock held but a cache's. */
ALWAYS_INLINE void
bell_warn(void)
{
	if (atomic_load_explicit(&bell_budget, memory_order_relaxed) < 0)
		bell_warn_slow();
}

#endif

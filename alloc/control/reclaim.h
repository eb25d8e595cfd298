/*
 * reclaim.h -- one look at all that is free: what of it goes back now?
 *
 * Above   trim (the thread, polls, malloc_trim), stats, fork
 * Lock    LOCK_TRIM while pages are purged, so that two purges do not chase
 *         each other; none of the caller's
 * Always  a tick's work grows with what changed since the last one, not with
 *         the heap
 *
 * A tick is a quarter of decay_ms. At each,
 *
 *  - caches whose thread did nothing since the last one are emptied, bin by
 *    bin, whatever their thread waits for;
 *  - empty slabs and page runs on shelves that nobody wanted since the last
 *    one go to the page heap;
 *  - whole free pages of slabs from which nobody took for decay_ms go back;
 *  - pages that were free at the last tick already go back, as far as there
 *    are more of them than the demand: the most that was used at once during
 *    the last ticks (decay.h says how many), less what is used now.
 *
 * So when a load ends its memory is back with the kernel within decay_ms or
 * little more, and a load that pauses for less than half of that finds its
 * pages where they were. An arena may have a decay time of its own: of those,
 * 0 and never are its own, any other is the one of all.
 *
 * Near the memory limit (pressure.h) everything that is free goes back at each
 * tick, and the ticks come five times as often. What caches and shelves took in
 * meanwhile would only be faulted in again after each: they keep no page runs
 * then, and caches an eighth of their other blocks (bell_near_limit). Four
 * threads with 34 MiB in blocks of 32 to 232 KiB under a limit that leaves 57
 * for malloc peaked 8 MB lower by that, and did four times as much.
 */
#ifndef TRI_CONTROL_RECLAIM_H
#define TRI_CONTROL_RECLAIM_H

#include "../pages/pagepool.h"
#include "decay.h"
#include "pressure.h"

/*
 * A tick. Without `caches`, for a process of one thread that is in the midst
 * of a free, all but the first point. True where another tick will find work.
 */
bool reclaim_tick(bool caches);

/*
 * Between two ticks: looks at the memory limits. True under pressure, when a
 * tick is due at once. To be called every RECLAIM_WATCH_NS: what other threads
 * and processes take of a limit rings no bell.
 */
bool reclaim_watch(void);

#define RECLAIM_WATCH_NS UINT64_C(250000000)

/*
 * For a thread that allocates and finds the budget spent: looks at the limits
 * and, under pressure, does a tick itself. The trim thread was woken, but may
 * not get a CPU in time where many threads fill memory as fast as they can;
 * who meets a purge that is under way waits for it, and that is as well.
 */
void reclaim_relieve(void);

/* The time between two ticks, in nanoseconds. */
uint64_t reclaim_tick_ns(void);

/*
 * Gives back what is free in one arena, and the chunks that nobody has; or,
 * without `all`, what has been free in it since the last tick. Caches keep what
 * they have. Returns bytes.
 */
struct arena;
size_t reclaim_arena(struct arena *a, bool all);

/*
 * Gives everything back now: empties all caches, retires empty slabs, purges
 * all free pages. Returns the bytes given back. Any thread, no lock held.
 */
size_t reclaim_now(void);

/*
 * Free pages that are resident, outside of slabs: a hint; and whether these,
 * or slabs in which blocks were freed, are worth a clock call and a thread.
 */
size_t reclaim_ndirty(void);
bool reclaim_is_worth_it(void);

struct reclaim_stats {
	uint64_t nticks, nforced; /* ticks, and calls of reclaim_now */
	uint64_t ndrains;         /* caches that were emptied */
	uint64_t drain_ns;
	struct purge_stats slabs; /* pages inside of slabs */
	unsigned window;          /* ticks of demand that stay resident */
	uint64_t nchases;         /* times that it was widened for refaults */
	struct pressure pressure;
};

void reclaim_stats(struct reclaim_stats *out);

/* For fork.c. */
void reclaim_lock(void);
void reclaim_unlock(void);

#endif

/*
 * decay.h -- how far back a purge looks for what a load will want again.
 *
 * Above   control/reclaim
 * Lock    none: pure functions on a record that its owner serializes
 * Always  DECAY_WINDOW_MIN <= window <= DECAY_WINDOW_MAX
 *
 * What was in use at once during the last `window` ticks stays resident. Two
 * ticks, half of decay_ms, let memory go as soon as a load ends. A load that
 * comes in bursts farther apart would then fault in again what was purged
 * between them: each fault costs a microsecond or two where the purge of the
 * page gained a few hundred milliseconds of not having it. So the window is
 * led by what is measured: pages that are taken again within DECAY_RECENT
 * ticks of their purge are refaults that the purge has to answer for. When
 * these are a quarter of what was purged, and enough to be felt, the window
 * doubles; when that was not so for a while it halves. A load that pauses for
 * longer than the longest window finds its memory gone, and that is what we are
 * for.
 *
 * Ticks and windows of a quarter of that length make the mean resident memory
 * of Java programs 3 % less (2 to 8 % by program), and cost the ones that churn
 * most a fifth of their throughput, for each page that goes and comes again
 * takes up to 10 us in all. Where refaults are then held to the same number as
 * before, 0.7 % are left of the gain.
 */
#ifndef TRI_CONTROL_DECAY_H
#define TRI_CONTROL_DECAY_H

#include "../base/base.h"

/* Ticks in decay_ms. */
#define DECAY_TICKS 4u

#define DECAY_WINDOW_MIN 2u
#define DECAY_WINDOW_MAX 8u

/* A purge answers for refaults within a second (of the default decay). */
#define DECAY_RECENT 4u

/*
 * Fewer refaults within DECAY_RECENT ticks do not matter: to give back and
 * fault in again 8 MiB in a second is 2 or 3 ms of CPU time, a quarter of a
 * percent of one CPU, and to keep them would cost those MiB all the time.
 */
#define DECAY_NOISE 2048u

/* How long the window stays after the last chase: doubled by each new one. */
#define DECAY_HOLD_MIN 8u
#define DECAY_HOLD_MAX 128u

struct decay {
	size_t purged[DECAY_RECENT]; /* pages of the last ticks: a ring; and */
	size_t chased[DECAY_RECENT]; /* how many of them were taken again */
	unsigned at;                 /* this tick's place in both */
	unsigned window;             /* 0: not yet begun */
	unsigned calm;               /* ticks since the last chase */
	unsigned hold;               /* calm ticks until the window halves */
	unsigned streak;             /* chases without a long calm between */
	uint64_t nchases;            /* for reports */
};

/*
 * Ends a tick in which npurged pages were purged and nrefaulted pages were
 * taken that had been purged at some time. Returns the window for the next.
 */
unsigned decay_tick(struct decay *d, size_t npurged, size_t nrefaulted);

/* What was purged so far was not decay's doing: refaults are not its fault. */
void decay_forget(struct decay *d);

#endif

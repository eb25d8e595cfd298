/*
 * round.h -- one round of torture: a process whose threads do everything.
 *
 * Above   torture.c starts rounds; guests.c, offspring.c and storm.c are what
 *         happens in them
 * Lock    none
 * Always  one seed draws all that is drawn in a round; at its rest points no
 *         thread runs but the library's own
 */
#ifndef TESTS_TORTURE_ROUND_H
#define TESTS_TORTURE_ROUND_H

#include <signal.h>
#include <stdatomic.h>

#include "shadows.h"

/* What torture.c tells the round's process, beside its options. */
#define CONTROL_VARIABLE "TRI_TORTURE_CONTROL"
#define PLAIN_VARIABLE   "TRI_TORTURE_PLAIN"
#define LIVE_VARIABLE    "TRI_TORTURE_LIVE"

#define WORKERS_MAX 16

struct round {
	struct random random; /* the main thread's */
	uint64_t seed;
	size_t nworkers;
	bool is_plain; /* neither guarded nor checked: blocks are counted exactly */
	struct holder *holders; /* one for each worker */
	pthread_t workers[WORKERS_MAX];
};

extern struct round the_round;

/* True from the end of a phase on: whoever loops comes to an end. */
extern atomic_bool is_over;

static inline bool
is_phase_over(void)
{
	return atomic_load_explicit(&is_over, memory_order_relaxed);
}

/* The process of a round: seed and its length. */
int round_run(uint64_t seed, unsigned ms);

/* --- guests.c: threads beside the workers ---------------------------------------- */

#define GUESTS_MAX 12

/* Finds what they call. Once. */
void guests_load(void);

/* Starts some, drawn from all; how many. They end with the phase. */
size_t guests_start(pthread_t guests[GUESTS_MAX], struct random *r);

/* --- offspring.c: forks -------------------------------------------------------------- */

/* As above. */
void offspring_load(void);

/* One child, which does what is drawn, of a thread with a holder of its own. */
void offspring_have(struct holder *h);

/* A thread that has child after child; the seed is its argument. */
void *offspring_guest(void *seed);

/* --- storm.c: signals --------------------------------------------------------- */

/* Handlers, and a timer that interrupts whoever runs; drawn, or none. */
void signals_begin(struct random *r);
void signals_end(void);

/* A thread that sends signals to the workers as fast as it can. */
void *signals_guest(void *seed);

#endif

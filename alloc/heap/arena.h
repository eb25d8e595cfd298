/*
 * arena.h -- the capped set of arenas: bins and page heap for some threads.
 *
 * Above   heap/large, cache, control
 * Lock    each bin's and each page heap's own; arena_choose takes none
 * Always  their number never depends on the number of threads
 *
 * Arenas lie in .bss and are all-zero until used: what is never used is never
 * touched.
 */
#ifndef TRI_HEAP_ARENA_H
#define TRI_HEAP_ARENA_H

#include "bin.h"

#define ARENAS_MAX     64u
#define ARENAS_DEFAULT 8u

/*
 * Page runs of one class that were freed a moment ago, the last one on top.
 * They are neither joined with their neighbours nor dirty in the page heap's
 * books; a run nobody took between two ticks goes there.
 */
#define SHELF_DEPTH 16u

struct shelf {
	struct lock lock; /* LOCK_BIN */
	uint16_t count;
	uint16_t idle; /* the fewest there were since the last tick */
	void *runs[SHELF_DEPTH];
};

#define NSHELVES (CLASS_LARGE_MAX - CLASS_SLAB_MAX)

/*
 * Page runs with the program or a cache: those of each class, and those of
 * CLASS_RUN of up to 2^i pages, more than 2^(i-1). Relaxed: sums for reports.
 */
struct run_count {
	_Atomic size_t nblocks, npages;
};

#define RUN_POWERS 37u

struct arena {
	struct pageheap pages;
	struct bin bins[CLASS_SLAB_MAX + 1]; /* by class; 0 is not used */
	struct run_count runs[NSHELVES];     /* by class, as the shelves */
	struct run_count spans[RUN_POWERS];
	_Atomic uint64_t nlarge_made;   /* page runs, ever; as above */
	struct shelf shelves[NSHELVES]; /* by class, from CLASS_SLAB_MAX + 1 */
	_Atomic size_t shelf_bytes;     /* on all of them; a bound, not exact */
};

extern struct arena arenas[ARENAS_MAX];

/*
 * The arena for a thread that is born: in turn, over as many as the option
 * narenas says or the CPUs allow. The first caller asks for the CPUs' number
 * only when a second thread is born, so that a process of one thread reads no
 * file.
 */
struct arena *arena_choose(void);

/* How many arenas threads will be given at most. */
unsigned arena_limit(void);

/*
 * The arena of that number for whoever names it: one of those that threads are
 * given, even before one was. NULL: there is none.
 */
struct arena *arena_find(unsigned index);

/* How many arenas, from the first on, threads have been given so far. */
unsigned arena_count(void);

/* The arena whose page heap owns an address of ours. */
struct arena *arena_of(const void *addr);

#endif

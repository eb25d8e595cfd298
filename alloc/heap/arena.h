/*
 * arena.h -- the capped set of arenas: bins and page heap for some threads.
 *
 * Above   heap/large, cache, control
 * Lock    each bin's and each page heap's own; LOCK_ARENAS for which are in
 *         use, taken when that changes
 * Always  their number never depends on the number of threads
 *
 * Arenas lie in .bss and are all-zero until used: what is never used is never
 * touched.
 *
 * The first few are automatic: threads are given them in turn. Behind them are
 * those that the program makes and names (jemalloc's arenas.create). They stand
 * apart: no thread is given one, no cache of a thread holds a block of one.
 * Their page runs are CLASS_RUN, which no cache keeps; their slabs say
 * CLASS_APART in the page map, whose bin in every cache is empty and full at
 * once, so that free() takes the slow path and puts the block back into its
 * slab; and a thread that is bound to one keeps its cache closed and unused
 * (cache/tcache.h). So what such an arena has handed out is with the program or
 * with a cache that the program made itself (cache/explicit.h), and can be
 * taken back all at once.
 */
#ifndef TRI_HEAP_ARENA_H
#define TRI_HEAP_ARENA_H

#include "bin.h"

#define ARENAS_MAX     64u
#define ARENAS_DEFAULT 8u

/* With the 0 at its end. */
#define ARENA_NAME_BYTES 32u

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
	_Atomic int64_t decay; /* its own: the time in ms and 2; 0: none */
	char name[ARENA_NAME_BYTES]; /* LOCK_ARENAS */
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
 * given, even before one was, or one that was made and not ended. NULL: there
 * is none.
 */
struct arena *arena_find(unsigned index);

/*
 * Makes an arena apart; NULL: there are ARENAS_MAX. From the first one on no
 * more automatic ones than now come into use.
 */
struct arena *arena_make(void);

/*
 * Ends it in two steps: nobody finds it any more (false: it is not one that
 * was made and not ended); its number may be used again.
 */
bool arena_begin_end(struct arena *a);
void arena_end(struct arena *a);

/* Undoes arena_begin_end. */
void arena_go_on(struct arena *a);

ALWAYS_INLINE bool
arena_is_apart(const struct arena *a)
{
	return a->pages.is_apart;
}

ALWAYS_INLINE unsigned
arena_index(const struct arena *a)
{
	return (unsigned)(a - arenas);
}

/* At most ARENA_NAME_BYTES, the 0 included; longer ones are cut. */
void arena_set_name(struct arena *a, const char *name);
void arena_get_name(struct arena *a, char name[ARENA_NAME_BYTES]);

/*
 * Its own decay time in ms, -1 for never; false where it has none. Set to less
 * than -1 it has none any more.
 */
bool arena_decay(const struct arena *a, int64_t *decay_ms);
void arena_set_decay(struct arena *a, int64_t decay_ms);

/* For fork.c: which arenas are in use does not change meanwhile. */
void arena_hold(void);
void arena_release(void);

/*
 * How many arenas, from the first on, have been in use so far; some among them
 * may not be.
 */
unsigned arena_count(void);

/* The arena whose page heap owns an address of ours. */
struct arena *arena_of(const void *addr);

#endif

/*
 * bin.h -- one arena's slabs of one size class.
 *
 * Above   cache/tcache.c, in batches
 * Lock    bin->lock (LOCK_BIN); never held while a slab is made or retired
 * Always  a slab with a free and a used slot is on lists[its `list`]; those
 *         without a used slot are on `empty`, a few of them kept so that the
 *         next fill need not make one; full ones are on no list
 *
 * Fills take from the fullest slab with a visible slot, then from empty slabs,
 * then from slabs whose free slots are all on pages that are away, and only
 * then from a new one. So sparse slabs run empty, and pages that were given
 * back are asked for last.
 *
 * Every slab in which a slot was put, or that began on resident pages, is
 * `young` until bin_purge() has seen it quiet and given its free pages back.
 * What a tick looks at is what changed.
 */
#ifndef TRI_HEAP_BIN_H
#define TRI_HEAP_BIN_H

#include "slab.h"

/*
 * The lists of a bin: by fullness, the fullest first, those with a visible
 * slot; the same for those without one; and those without one from which
 * nothing may be revealed for the moment.
 */
#define BIN_FULLNESS 4u
#define BIN_HIDDEN   BIN_FULLNESS
#define BIN_HELD     (2 * BIN_FULLNESS)
#define BIN_NLISTS   (BIN_HELD + 1)

/* 2 MiB: the most that empty slabs of a class keep until the next tick. */
#define BIN_EMPTY_MAX 32u

struct bin {
	struct lock lock;
	uint16_t nempty; /* slabs on `empty` */
	uint16_t idle;   /* the fewest there were since the last bin_trim */
	struct list lists[BIN_NLISTS];
	struct list empty;
	struct queue young;
	size_t nslabs, nyoung;
	size_t naway; /* pages */
	size_t nused; /* slots out of the slabs: with caches or the program */
	uint64_t nfills, nflushes;
	uint64_t nfilled, nflushed; /* blocks, in all of them */
	uint64_t nrefaults; /* pages that were away and were taken again */
	_Atomic uint64_t nslabs_made; /* 0: never used; read without the lock */
	_Atomic size_t nlisted;       /* slabs on `lists`; as the one above */
};

/*
 * Up to n blocks, in the order above, each slab's lowest slots first.
 * Returns how many; 0 where memory is used up.
 */
size_t bin_fill(struct bin *b, struct pageheap *ph, unsigned cls, void **out,
		size_t n);

/*
 * Gives n blocks of one class back, each to its own arena's bin. Reorders
 * the array. Dies where a block is free already.
 */
void bin_flush(void **blocks, size_t n);

/* False while it never had a slab, and need not be looked at. */
bool bin_is_used(struct bin *b);

/*
 * Retires empty slabs: those that no fill has wanted since the last call, or
 * all.
 */
void bin_trim(struct bin *b, bool only_idle);

/* Young slabs of all bins: a hint, read without a lock. */
size_t bin_nyoung(void);

struct bin_purged {
	size_t nyoung;      /* slabs that are young still */
	uint64_t nrefaults; /* the bin's, ever */
};

/*
 * Ends a tick of the young slabs: gives the whole free pages of those back
 * from which nothing was taken for quiet_ticks such calls (0: of all), and
 * counts them in *stats. Holds no lock while it does; one caller at a time.
 */
struct bin_purged bin_purge(struct bin *b, unsigned quiet_ticks,
			    struct purge_stats *stats);

#endif

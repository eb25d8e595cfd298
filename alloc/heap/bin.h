/*
 * bin.h -- one arena's slabs of one size class.
 *
 * Above   cache/tcache.c, in batches
 * Lock    bin->lock (LOCK_BIN); never held while a slab is made or retired
 * Always  every slab with a free slot is on partial[its fullness]; at most
 *         one of them is empty, kept so that the next fill need not make it
 */
#ifndef TRI_HEAP_BIN_H
#define TRI_HEAP_BIN_H

#include "slab.h"

/* partial[0] holds the fullest slabs, partial[3] those with most free. */
#define BIN_FULLNESS 4u

struct bin {
	struct lock lock;
	uint32_t nempty; /* slabs without a used slot: 0 or 1 */
	struct list partial[BIN_FULLNESS];
	size_t nslabs;
	size_t nused; /* slots out of the slabs: with caches or the program */
	uint64_t nfills, nflushes;
	uint64_t nslabs_made;
};

/*
 * Up to n blocks, the fullest slabs first, each slab's lowest slots first.
 * Returns how many; 0 where memory is used up.
 */
size_t bin_fill(struct bin *b, struct pageheap *ph, unsigned cls, void **out,
		size_t n);

/*
 * Gives n blocks of one class back, each to its own arena's bin. Reorders
 * the array. Dies where a block is free already.
 */
void bin_flush(void **blocks, size_t n);

/* Retires the empty slab, if there is one. Returns its pages, or 0. */
size_t bin_trim(struct bin *b);

#endif

/*
 * bin.h -- one arena's slabs of one size class.
 *
 * Above   cache/tcache.c, in batches
 * Lock    bin->lock (LOCK_BIN); never held while a slab is made or retired
 * Always  every slab with a free and a used slot is on partial[its fullness];
 *         those without a used slot are on `empty`, a few of them kept so that
 *         the next fill need not make one; full ones are on no list
 */
#ifndef TRI_HEAP_BIN_H
#define TRI_HEAP_BIN_H

#include "slab.h"

/* partial[0] holds the fullest slabs, partial[3] those with most free. */
#define BIN_FULLNESS 4u

/* 2 MiB: the most that empty slabs of a class keep until the next tick. */
#define BIN_EMPTY_MAX 32u

struct bin {
	struct lock lock;
	uint16_t nempty; /* slabs on `empty` */
	uint16_t idle;   /* the fewest there were since the last bin_trim */
	struct list partial[BIN_FULLNESS];
	struct list empty;
	size_t nslabs;
	size_t nused; /* slots out of the slabs: with caches or the program */
	uint64_t nfills, nflushes;
	_Atomic uint64_t nslabs_made; /* 0: never used; read without the lock */
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

/* False while it never had a slab, and need not be looked at. */
bool bin_is_used(struct bin *b);

/*
 * Retires empty slabs: those that no fill has wanted since the last call, or
 * all.
 */
void bin_trim(struct bin *b, bool only_idle);

#endif

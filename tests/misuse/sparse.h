/*
 * sparse.h -- a block whose page inside a slab went back to the kernel.
 *
 * Above   the programs that misuse such a block
 * Lock    none
 * Always  other blocks of the slab live on
 */
#ifndef TESTS_MISUSE_SPARSE_H
#define TESTS_MISUSE_SPARSE_H

#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "misuse.h"

#define SPARSE_BLOCKS 640

static inline bool
sparse_is_resident(void *p)
{
	unsigned char resident = 1;
	uintptr_t page = (uintptr_t)p & ~(uintptr_t)4095;

	mincore((void *)page, 4096, &resident);
	return resident & 1;
}

/* A freed one of many blocks of n bytes, of which some live on in each slab. */
static inline char *
sparse_free(size_t n)
{
	static char *blocks[SPARSE_BLOCKS];

	for (int i = 0; i < SPARSE_BLOCKS; i++)
		blocks[i] = block(n);
	/* A slab has 64 KiB, and 16 pages; of each some four stay. */
	for (int i = 0; i < SPARSE_BLOCKS; i++) {
		if ((uintptr_t)blocks[i] / 4096 % 4 != 0)
			free(blocks[i]);
	}
	for (int i = SPARSE_BLOCKS / 2; i < SPARSE_BLOCKS; i++) {
		if ((uintptr_t)blocks[i] / 4096 % 4 == 2)
			return blocks[i];
	}
	_exit(93);
}

/* The same after its page went back. */
static inline char *
sparse_away(size_t n)
{
	char *p = sparse_free(n);

	malloc_trim(0);
	if (sparse_is_resident(p))
		_exit(92);
	return p;
}

#endif

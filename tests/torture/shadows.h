/*
 * shadows.h -- blocks of all kinds, and what their holder believes is in them.
 *
 * Above   the threads and children of a round of torture
 * Lock    none: a holder is one thread's; the shelf, where blocks change
 *         holders, is a row of atomic pointers
 * Always  every block is filled with a pattern of its own and found so again
 *         before it is freed or resized
 */
#ifndef TESTS_TORTURE_SHADOWS_H
#define TESTS_TORTURE_SHADOWS_H

#include <stdbool.h>

#include "process/memory.h"

#define HOLDER_SLOTS 160

struct shadow {
	unsigned char *p; /* NULL: none */
	size_t size, alignment;
	uint64_t key;
	bool was_resized; /* its alignment is nobody's promise any more */
};

struct holder {
	struct random random;
	struct shadow slots[HOLDER_SLOTS];
	uint64_t nops;
};

/* What all holders may have live, in bytes; further blocks are not asked for. */
void shadows_begin(size_t live_max);

/* Arenas and caches that stay for the whole round. */
void shadows_make(void);

/* Their end, after which no block is live. */
void shadows_unmake(void);

/* One random operation of the public interface, on one of its blocks. */
void holder_step(struct holder *h);

/* Every block is as it was; bytes that may be used of all of them. */
size_t holder_check(struct holder *h);

void holder_free(struct holder *h);

/* The same for the blocks that lie between holders. No thread runs. */
size_t shelf_check(void);
void shelf_free(void);

#endif

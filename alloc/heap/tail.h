/*
 * tail.h -- what stands behind a block's bytes where blocks are checked.
 *
 * Above   cache/quarantine.c, api/checked.c
 * Lock    none: a block's bytes belong to who holds it
 * Always  a checked block of n bytes lies in a slot or page run of at least
 *         n + TAIL_BYTES; the last word of that says n and whether the program
 *         holds the block, sealed with a secret of the process
 *
 *	0               n                  n + 256           bytes - 8
 *	v               v                  v                 v
 *	| the program's | canary, up to 256 bytes | not used | seal |
 *
 * The requested size is kept in the block and nowhere else: a table beside the
 * heap would have to be as long as the heap, or found by a search. Whoever
 * writes over the seal has written over the canary as well, if he came from the
 * block's own end; that is found and said, without the size. A seal holds for
 * one address and one state, so bytes that were copied or stay from before are
 * none, and a freed block is known as such whatever is written in front of it.
 */
#ifndef TRI_HEAP_TAIL_H
#define TRI_HEAP_TAIL_H

#include "../base/base.h"

/* At least as many bytes of canary as of seal. */
#define TAIL_BYTES ((size_t)16)

/* More of what lies behind a block is not watched. */
#define TAIL_CANARY_MAX ((size_t)256)

/* What new and freed blocks are filled with, as jemalloc does it. */
#define TAIL_JUNK   0xa5
#define TAIL_POISON 0x5a

#define TAIL_WHOLE SIZE_MAX

enum tail_state {
	TAIL_LIVE,
	TAIL_FREED,
	TAIL_BROKEN, /* no seal: written over */
};

struct tail {
	enum tail_state state;
	size_t n;  /* as requested; not where it is broken */
	size_t at; /* the first wrong byte of the canary; TAIL_WHOLE: none */
};

/* The process's secret; before the first block. */
void tail_boot(uint64_t secret);

/* The block of n bytes at p, `bytes` with all that is behind it. */
void tail_seal(void *p, size_t bytes, size_t n, enum tail_state state);

struct tail tail_read(const void *p, size_t bytes);

/* The first of n bytes that is another one; n where there is none. */
size_t tail_first_unlike(const void *p, size_t n, uint8_t byte);

#endif

/*
 * guard.h -- blocks that stand alone between pages which nobody may touch.
 *
 * A few of the program's blocks are taken from a pool of slots instead of a
 * slab. A slot is 64 KiB of address space with a page on either side that is
 * never accessible; of the 64 KiB only the pages that the block needs are. A
 * block stands at the slot's end, so that a byte too far faults at once, or at
 * its beginning, by chance. A freed block's pages are inaccessible and without
 * memory until its slot is used again: the slots that were freed first are
 * used first, and at most half of them are in the program's hands, so that
 * half of them at least wait.
 *
 *	| guard |  slot 0: block ...     | guard |      ... block | guard | ...
 *
 * The design is the one published for GWP-ASan (K. Serebryany et al., 2024).
 *
 * Above   cache/sample.c (when), api/guarded.c (which), control/guard_report.c
 * Lock    LOCK_GUARD for the queue of slots; no kernel call under it. A slot's
 *         record is written by whoever moved it out of a state by exchange
 * Always  LIVE: the block is accessible, and bytes around it in its pages hold
 *         GUARD_FILL until somebody writes where he may not
 *	   FREED: inaccessible, or (is_open) the kernel refused
 */
#ifndef TRI_HEAP_GUARD_H
#define TRI_HEAP_GUARD_H

#include <stdatomic.h>

#include "../os/stack.h"
#include "sizeclass.h"

/* The largest block that a slot takes. */
#define GUARD_BYTES_MAX (64 * KIB)

/* What stands around a block in its pages. */
#define GUARD_FILL 0xa6

/* What block_check() says of a guarded block; no page map has it. */
#define CLASS_GUARDED NCLASSES

#define GUARD_NAME_BYTES 16

/* Who did something to a block. */
struct guard_note {
	int tid; /* 0: nobody yet */
	char name[GUARD_NAME_BYTES];
	struct stack_copy stack;
};

enum guard_state {
	GUARD_UNUSED = 0,
	GUARD_CLAIMED, /* on its way from one of the others to the next */
	GUARD_LIVE,
	GUARD_FREED,
};

struct guard_slot {
	_Atomic uint32_t state;
	uint32_t next; /* in the queue */
	bool is_queued;
	bool is_open;      /* the kernel did not close it when it was freed */
	char *block;       /* what the program has, or had */
	size_t bytes;      /* as it asked for them */
	char *pages;       /* that are accessible while it is live */
	size_t open_bytes; /* of them */
	_Atomic bool was_reported;
	struct guard_note allocated, freed;
};

struct guard_stats {
	size_t nslots, nlive, nfreed;
	size_t bytes;      /* of the live blocks */
	uint64_t nsampled; /* blocks that were guarded */
	uint64_t nfull;    /* that were not, for half of the slots were live */
	uint64_t nrefused; /* by the kernel */
	uint64_t nerrors;
};

/* The pool's addresses; bytes is 0 while there is none. Written at boot. */
struct guard_range {
	uintptr_t base;
	size_t bytes;
};

extern struct guard_range guard_range HIDDEN;

ALWAYS_INLINE bool
guard_is_on(void)
{
	return guard_range.bytes != 0;
}

ALWAYS_INLINE bool
guard_owns(const void *p)
{
	return (uintptr_t)p - guard_range.base < guard_range.bytes;
}

/* Makes the pool, once. False, and none, where there is no memory. */
bool guard_boot(size_t nslots);

/*
 * A block of n bytes, all zero, at a multiple of `alignment`, which is at most
 * a page. NULL where n is too large, no slot is free or the kernel refuses.
 */
void *guard_alloc(size_t n, size_t alignment);

/* Bytes of the live block that begins at p, at least 1; 0: none does. */
size_t guard_bytes(const void *p);

enum guard_verdict {
	GUARD_GONE,    /* it was a live block, and is freed now */
	GUARD_NONE,    /* no live block begins there; nothing was done */
	GUARD_SPOILED, /* not freed: somebody wrote around it */
};

/* Frees the block at p, of this pool. */
enum guard_verdict guard_free(void *p);

/* The first byte around a live block that was written to, or NULL. */
const char *guard_spoiled(const struct guard_slot *s);

/* The slot that an address of the pool is in, or next to. */
struct guard_slot *guard_slot_of(const void *p);

/*
 * The slot whose block is nearest to an address that faulted; a block behind
 * the address and one in front of it have a guard page in common.
 */
struct guard_slot *guard_slot_near(const void *p);

/* Counts an error; false where the slot's block had one already. */
bool guard_note_error(struct guard_slot *s);

void guard_stats(struct guard_stats *out);

/* For fork.c. child: slots that another thread was about to move are free. */
void guard_lock(void);
void guard_unlock(void);
void guard_child_release(void);

#endif

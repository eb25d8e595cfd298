/*
 * tcache.h -- one stack of free blocks per size class and thread.
 *
 * Above   api/malloc.c (the two fast paths), api/slow.c, control
 * Lock    cache->lock (LOCK_CACHE) for all but the fast paths
 * Always  a stack is slot 0, NULL, then free blocks up to *top; blocks in it
 *         are nobody else's; a bin without an array has top and limit at one
 *         word that is NULL, so that it is empty and full at once
 *
 *	  0             top         limit = slot 0 + depth
 *	  v              v            v
 *	| NULL | p | p | p  |   |   |   |
 *
 * Who may touch a cache. Each thread has an anchor in static TLS. Its fast
 * paths run between cache_enter() and cache_leave():
 *
 *	busy = 1; c = anchor.cache; ... use c ...; busy = 0
 *
 * Whoever else wants the cache (a drain, a fork) takes cache->lock, points
 * anchor.cache to the one closed cache, whose stacks are all empty and full
 * at once, calls membarrier and looks at busy. If that is 0 the thread is not
 * in its fast path, and every fast path to come finds the closed cache, takes
 * the slow path and waits for the lock: the cache is quiescent. If it is 1,
 * the thread was interrupted in the middle: the drain puts the pointer back
 * and comes again later.
 *
 * Why this is right: let S be the drain's store of the closed cache, M its
 * membarrier, B its load of busy; s the owner's store of busy = 1, l its load
 * of the pointer. M orders a full barrier on the owner's CPU between S and B.
 * If that barrier falls before l, l reads the closed cache. If it falls after
 * l it falls after s too (program order, kept by a compiler fence), so B sees
 * busy == 1 unless the owner has left already, whose release store then makes
 * all it did visible to B's acquire. tests/model/drain.pml checks it with the
 * store buffer written out.
 *
 * The owner's slow path holds cache->lock with busy == 0. A cache stays closed
 * ("parked") after a drain until its owner wants something: idle threads cost
 * a drain nothing.
 *
 * One closed cache, many uses. An owner may park its own cache and leave it so:
 * a thread whose bytes are counted (counts.h), which does everything in the
 * slow path; a thread that is bound to an arena apart (heap/arena.h); each one
 * where every block is looked at (closing.h), from its birth on. This adds no
 * state to the protocol: the owner holds cache->lock and is not in its fast
 * path, so its store of the closed cache and is_parked are what a drain that
 * found busy == 0 would have left, and need no membarrier, for the one who must
 * see them is itself. From there on its fast paths find the closed cache, which
 * they cannot change. Whoever else holds cache->lock finds is_parked, has the
 * cache at rest, and leaves it parked (drain.c, let_go; fork). The owner's slow
 * path, the only one to open a parked cache, does not open this one; it uses
 * the stacks under cache->lock and clears is_quiet, for there may be something
 * to drain again. So a cache that stays closed is at rest whenever its lock is
 * free: fork's child can give it back and a drain is never in vain. The last
 * use is a burst of mallocs that are counted (sample.c): who asks for one closes
 * the cache under its lock, and needs no membarrier, for it touches no stack.
 */
#ifndef TRI_CACHE_TCACHE_H
#define TRI_CACHE_TCACHE_H

#include <stdatomic.h>

#include "../base/list.h"
#include "../heap/sizeclass.h"
#include "../os/lock.h"

struct arena;
struct cache_counts;

struct cache_bin {
	void **top;             /* the block freed last */
	void **limit;           /* the last slot that may be filled */
	uint32_t magic;         /* of the class, see struct class_shape */
	uint32_t remainder;     /* the same: a multiple's product is below it */
	uint16_t mask;          /* of the class as well */
	uint16_t mood;          /* changes when the owner does something here */
	uint16_t depth;         /* blocks it may hold */
	uint16_t capacity : 15; /* blocks its array has room for; 0: none */
	uint16_t is_filled : 1; /* the owner allocates of this class, too */
};

static_assert(sizeof(struct cache_bin) == CLASS_STRIDE,
	      "the page map holds offsets of bins");

/* When a thread's next block is to be a guarded one: sample.c. */
struct sampling {
	int64_t left;        /* blocks until then; 0: not drawn yet */
	uint64_t nfilled;    /* that it was told of, since the last burst */
	uint64_t begun_ns;   /* CPU time of the thread when a burst began, */
	uint64_t seen_ns;    /* and when the last one ended */
	uint16_t cls;        /* the next miss of this class; 0: of none yet */
	uint8_t burst;       /* mallocs that are still to be counted */
	uint8_t burst_frees; /* frees meanwhile */
};

struct tcache {
	struct cache_bin bins[NCLASSES];
	struct lock lock;
	bool is_parked; /* anchor->cache is the closed cache */
	bool is_quiet;  /* emptied by the drain that parked it */
	int tid;        /* the owner's, by which /proc knows it */
	struct anchor *anchor;
	struct arena *arena;
	struct queue_node link;
	uint32_t visit;      /* the round of visits that saw it last */
	uint32_t hand;       /* the large bin that gives up its budget next */
	size_t slab_budget;  /* bytes that depths of slab bins stand for */
	size_t large_budget; /* bytes that depths of large bins stand for */
	uint64_t nfills, nflushes, ndrains, quiet_ns; /* since is_quiet */
	struct sampling sampling;
};

static_assert(sizeof(struct tcache) <= PAGE_BYTES, "one page a thread");

enum cache_phase {
	PHASE_UNBORN = 0,
	PHASE_BIRTH, /* in the middle of it: no cache yet */
	PHASE_LIVE,
	PHASE_OFF,  /* the program wants none */
	PHASE_DEAD, /* or never to have one */
};

/* The words a thread has in static TLS. */
struct anchor {
	_Atomic uint32_t busy;
	uint16_t phase;
	bool is_entered; /* our destructor will run at the thread's end */
	_Atomic(struct tcache *) cache; /* own, or the closed one */
	struct tcache *own;
	struct cache_counts *counts; /* NULL: not counted, see counts.h */
};

extern _Thread_local struct anchor tcache_anchor TLS_INITIAL_EXEC HIDDEN;
extern struct tcache tcache_closed;

/* Begins a fast path: the cache to use, which may be the closed one. */
ALWAYS_INLINE struct tcache *
cache_enter(void)
{
	/* Relaxed: the drain's membarrier orders it, see above. */
	atomic_store_explicit(&tcache_anchor.busy, 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	/* Acquire: pairs with the release in cache_open(), so that a cache
	 * that another thread drained is seen as it left it. */
	return atomic_load_explicit(&tcache_anchor.cache, memory_order_acquire);
}

ALWAYS_INLINE void
cache_leave(void)
{
	/* Release: pairs with the acquire in cache_close(). */
	atomic_store_explicit(&tcache_anchor.busy, 0, memory_order_release);
}

/*
 * Slow paths of the calling thread. cache_alloc: a block of class cls (not
 * CLASS_RUN) or NULL; *is_zero says whether a fresh page run reads as zero.
 * cache_free: p is a live block of class cls, which is not CLASS_RUN either.
 */
void *cache_alloc(unsigned cls, bool *is_zero);
void cache_free(void *p, unsigned cls);

/*
 * The arena of the calling thread, for blocks no cache holds. The first one
 * where it has none, or is in the midst of an arena's hooks (pages/hooks.h).
 */
struct arena *cache_arena(void);

/* The calling thread's cache after its birth, or NULL while it has none. */
struct tcache *cache_own(void);

/* Empties a closed cache (or the caller's own) into the arenas. */
void cache_empty(struct tcache *c);

/* Gives the arrays of an empty cache back too. */
void cache_strip(struct tcache *c);

/* Makes what cache_init copies. Once, at boot. */
void cache_boot(void);

/* Points all bins at nothing. */
void cache_init(struct tcache *c, struct arena *a);

/* True where p lies in c's stack for cls. c is closed or the caller's own. */
bool cache_holds(const struct tcache *c, const void *p, unsigned cls);

/* Slot 0 of a bin, below its first block. */
ALWAYS_INLINE void **
cache_bin_slots(const struct cache_bin *b)
{
	return b->limit - b->depth;
}

/* Blocks in a bin, which may have no array; c as above. */
ALWAYS_INLINE size_t
cache_bin_count(const struct cache_bin *b)
{
	return b->depth - (size_t)(b->limit - b->top);
}

#endif

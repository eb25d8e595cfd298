/*
 * lock.h -- a futex lock with a rank.
 *
 * Above   every floor from pages to api
 * Lock    this is it
 * Always  a lock is taken only when its rank exceeds that of every lock the
 *         thread holds (debug builds die otherwise); fork.c alone may take
 *         several of one rank
 *
 * Why not pthread_mutex_t: 8 bytes instead of 40 in thousands of bins, zero
 * means unlocked so that tables can lie in .bss, and the child of a fork may
 * unlock what its parent locked. It stands on this floor and not in base
 * because to wait is a kernel call.
 *
 * The states follow U. Drepper, "Futexes Are Tricky" (2011), mutex 3:
 * 0 free, 1 held, 2 held and somebody may sleep.
 */
#ifndef TRI_OS_LOCK_H
#define TRI_OS_LOCK_H

#include <stdatomic.h>

#include "../base/check.h"

/* One after the other: a debug build counts for each what a thread holds. */
enum lock_rank {
	LOCK_SERVER,
	LOCK_CONTROL,
	LOCK_RELIEF = LOCK_CONTROL, /* the boot's: nobody holds both */
	LOCK_TRIM,
	LOCK_ROUND,
	LOCK_THREADS,
	LOCK_CACHE,
	LOCK_QUARANTINE,
	LOCK_PROFILE,
	LOCK_GUARD,
	LOCK_ARENAS,
	LOCK_BIN,
	LOCK_PAGES,
	LOCK_MAP,
	LOCK_META,
	LOCK_CTL,
	LOCK_NRANKS,
};

struct lock {
	_Atomic uint32_t state;
	/* Times it was not free at once; its holder writes. It may wrap. */
	_Atomic uint32_t nwaits;
};

void lock_wait(struct lock *l);
void lock_wake(struct lock *l);

/* How often somebody had to wait for a lock; any thread, a hint. */
ALWAYS_INLINE uint32_t
lock_nwaits(const struct lock *l)
{
	return atomic_load_explicit(&l->nwaits, memory_order_relaxed);
}

/* Debug builds: note, and check, what the thread holds. */
void lock_rank_enter(enum lock_rank rank, bool may_repeat);
void lock_rank_leave(enum lock_rank rank);

ALWAYS_INLINE void
lock_acquire(struct lock *l)
{
	uint32_t free = 0;

	/* Acquire: pairs with the release in lock_release(). */
	if (!atomic_compare_exchange_strong_explicit(&l->state, &free, 1,
						     memory_order_acquire,
						     memory_order_relaxed))
		lock_wait(l);
}

ALWAYS_INLINE void
lock_take(struct lock *l, enum lock_rank rank)
{
	if (TRI_DEBUG)
		lock_rank_enter(rank, false);
	lock_acquire(l);
}

/* For fork.c: one more lock of a rank that is already held. */
ALWAYS_INLINE void
lock_take_another(struct lock *l, enum lock_rank rank)
{
	if (TRI_DEBUG)
		lock_rank_enter(rank, true);
	lock_acquire(l);
}

ALWAYS_INLINE void
lock_release(struct lock *l)
{
	/* Release: pairs with the acquire in lock_acquire(). */
	if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2)
		lock_wake(l);
}

ALWAYS_INLINE void
lock_drop(struct lock *l, enum lock_rank rank)
{
	if (TRI_DEBUG)
		lock_rank_leave(rank);
	lock_release(l);
}

#endif

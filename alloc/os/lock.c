/*
 * lock.c -- see lock.h.
 */
#include "lock.h"
#include "os.h"

/* Longer than any section below a bin lock, shorter than a futex call. */
#define SPINS 60

/* Tells the CPU that this is a spin loop. */
#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax() __asm__ volatile("isb" ::: "memory")
#else
#define cpu_relax() ((void)0)
#endif

/* True once the lock was seen free and taken. */
static bool
spin(struct lock *l)
{
	for (unsigned i = 0; i < SPINS; i++) {
		uint32_t free = 0;

		cpu_relax();
		/* Relaxed: only a hint; the exchange below decides. */
		if (atomic_load_explicit(&l->state, memory_order_relaxed) != 0)
			continue;
		/* Acquire: pairs with the release in lock_drop(). */
		if (atomic_compare_exchange_strong_explicit(
			    &l->state, &free, 1, memory_order_acquire,
			    memory_order_relaxed))
			return true;
	}
	return false;
}

/* Returns with the lock. */
static void
sleep_for(struct lock *l)
{
	/* Acquire: as in lock_acquire(). */
	while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) !=
	       0)
		os_futex_wait(&l->state, 2, 0);
}

void
lock_wait(struct lock *l)
{
	if (!spin(l))
		sleep_for(l);
	/* Relaxed: the lock orders the writers. */
	atomic_store_explicit(&l->nwaits, lock_nwaits(l) + 1,
			      memory_order_relaxed);
}

void
lock_wake(struct lock *l)
{
	os_futex_wake(&l->state, 1);
}

/* --- ranks, debug builds ------------------------------------------------ */

/* How many locks of each rank this thread holds. */
static _Thread_local TLS_INITIAL_EXEC uint16_t held[LOCK_NRANKS];

void
lock_rank_enter(enum lock_rank rank, bool may_repeat)
{
	for (unsigned i = (unsigned)rank + may_repeat; i < LOCK_NRANKS; i++)
		ensure(held[i] == 0,
		       "a lock was taken against the order of ranks");
	held[rank]++;
}

void
lock_rank_leave(enum lock_rank rank)
{
	ensure(held[rank] > 0, "a lock was dropped that is not held");
	held[rank]--;
}

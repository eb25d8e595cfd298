/*
 * bell.c -- see bell.h.
 */
#include "bell.h"

_Atomic uint32_t bell_asleep;
_Atomic int64_t bell_budget = BELL_NO_BUDGET;
_Atomic bool bell_is_near_limit;

/* Counts dismissals, so that none is missed. */
static _Atomic uint32_t dismissals;
static uint32_t seen;

void
bell_ring_slow(void)
{
	/*
	 * Acquire and release: pairs with the exchange in bell_announce(). Of
	 * the two the later one sees what the other side wrote before.
	 */
	if (atomic_exchange_explicit(&bell_asleep, 0, memory_order_acq_rel))
		os_futex_wake(&bell_asleep, 1);
}

void
bell_announce(void)
{
	/*
	 * Acquire and release, as in bell_ring_slow(). A store would not do:
	 * the last look for work may overtake it.
	 */
	atomic_exchange_explicit(&bell_asleep, 1, memory_order_acq_rel);
}

void
bell_sleep(uint64_t ns)
{
	os_futex_wait(&bell_asleep, 1, ns == BELL_FOREVER ? 0 : ns);
	/* Relaxed: the next announcement orders what is looked at. */
	atomic_store_explicit(&bell_asleep, 0, memory_order_relaxed);
}

void
bell_nap(uint64_t ns)
{
	os_futex_wait(&dismissals, seen, ns);
	/* Acquire: pairs with the release in bell_dismiss(), so that the
	 * reason of a dismissal is seen with it. */
	seen = atomic_load_explicit(&dismissals, memory_order_acquire);
}

void
bell_near_limit(bool is_near)
{
	/* Relaxed: a hint. */
	atomic_store_explicit(&bell_is_near_limit, is_near,
			      memory_order_relaxed);
}

void
bell_dismiss(void)
{
	/* Release: pairs with the acquire in bell_nap(). */
	atomic_fetch_add_explicit(&dismissals, 1, memory_order_release);
	os_futex_wake(&dismissals, 1);
	bell_ring_slow();
}

void
bell_allow(int64_t npages)
{
	atomic_store_explicit(&bell_budget, npages, memory_order_relaxed);
}

/* One caller wakes the listener; see bell_is_spent() for the latecomers. */
void
bell_warn_slow(void)
{
	if (atomic_exchange_explicit(&bell_budget, BELL_SPENT,
				     memory_order_relaxed) < 0)
		bell_dismiss();
}

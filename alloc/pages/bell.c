/*
 * bell.c -- see bell.h.
 */
#include "bell.h"

_Atomic uint32_t bell_asleep;
_Atomic int64_t bell_budget = BELL_NO_BUDGET;

/* Counts dismissals, so that none is missed. */
static _Atomic uint32_t dismissals;
static uint32_t seen;

void
bell_ring_slow(void)
{
	/* Relaxed: the word carries no data; locks order what it is about. */
	if (atomic_exchange_explicit(&bell_asleep, 0, memory_order_relaxed))
		os_futex_wake(&bell_asleep, 1);
}

void
bell_announce(void)
{
	/* Sequentially consistent: before the last look for work. */
	atomic_store_explicit(&bell_asleep, 1, memory_order_seq_cst);
}

void
bell_sleep(uint64_t ns)
{
	os_futex_wait(&bell_asleep, 1, ns == BELL_FOREVER ? 0 : ns);
	/* Relaxed: as in bell_ring_slow(). */
	atomic_store_explicit(&bell_asleep, 0, memory_order_relaxed);
}

void
bell_nap(uint64_t ns)
{
	os_futex_wait(&dismissals, seen, ns);
	seen = atomic_load_explicit(&dismissals, memory_order_relaxed);
}

void
bell_dismiss(void)
{
	atomic_fetch_add_explicit(&dismissals, 1, memory_order_relaxed);
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

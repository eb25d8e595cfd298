/*
 * bell.c -- see bell.h.
 */
#include "bell.h"

_Atomic uint32_t bell_asleep;

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
bell_sleep(uint64_t timeout_ns)
{
	os_futex_wait(&bell_asleep, 1, timeout_ns);
	atomic_store_explicit(&bell_asleep, 0, memory_order_relaxed);
}

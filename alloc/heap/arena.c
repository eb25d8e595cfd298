/*
 * arena.c -- see arena.h.
 */
#include "arena.h"
#include "../base/options.h"

struct arena arenas[ARENAS_MAX];

/* Births so far, and the cap once it is known (0: not yet). */
static _Atomic unsigned nbirths;
static _Atomic unsigned cap;

static unsigned
arena_cap(void)
{
	unsigned n = (unsigned)option(narenas);

	if (n != 0)
		return n;
	/* Relaxed: all threads would compute the same number. */
	n = atomic_load_explicit(&cap, memory_order_relaxed);
	if (n != 0)
		return n;
	n = (unsigned)min_size(os_ncpus(), ARENAS_DEFAULT);
	atomic_store_explicit(&cap, n, memory_order_relaxed);
	return n;
}

struct arena *
arena_choose(void)
{
	unsigned birth = atomic_fetch_add_explicit(&nbirths, 1,
						   memory_order_relaxed);

	return birth == 0 ? &arenas[0] : &arenas[birth % arena_cap()];
}

unsigned
arena_count(void)
{
	unsigned births = atomic_load_explicit(&nbirths, memory_order_relaxed);

	/* mallopt may have lowered the cap: count what may have been used. */
	return births <= 1 ? 1 : (unsigned)min_size(births, ARENAS_MAX);
}

struct arena *
arena_of(const void *addr)
{
	return list_entry(pageheap_of(addr), struct arena, pages);
}

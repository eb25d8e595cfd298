/*
 * arena.c -- see arena.h.
 */
#include "arena.h"
#include "../base/options.h"

struct arena arenas[ARENAS_MAX];

/* Births so far, and the cap once it is known (0: not yet). */
static _Atomic unsigned nbirths;
static _Atomic unsigned cap;

/* The first one is used even by threads that have no cache. */
static _Atomic unsigned nused = 1;

unsigned
arena_limit(void)
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

/* Arenas are given out in turn, so those in use are the first few. */
static void
note_used(unsigned index)
{
	unsigned n = atomic_load_explicit(&nused, memory_order_relaxed);

	/* Relaxed: who reads it wants a bound, and locks for what lies in it. */
	while (n <= index &&
	       !atomic_compare_exchange_weak_explicit(&nused, &n, index + 1,
						      memory_order_relaxed,
						      memory_order_relaxed))
		continue;
}

struct arena *
arena_choose(void)
{
	unsigned birth = atomic_fetch_add_explicit(&nbirths, 1,
						   memory_order_relaxed);
	unsigned index = birth == 0 ? 0 : birth % arena_limit();

	note_used(index);
	return &arenas[index];
}

unsigned
arena_count(void)
{
	return atomic_load_explicit(&nused, memory_order_relaxed);
}

struct arena *
arena_find(unsigned index)
{
	if (index >= max_size(arena_limit(), arena_count()))
		return NULL;
	note_used(index);
	return &arenas[index];
}

struct arena *
arena_of(const void *addr)
{
	return list_entry(pageheap_of(addr), struct arena, pages);
}

/*
 * hooks.h -- whole chunks by way of functions of the program's (jemalloc's
 * extent hooks).
 *
 * Above   pageheap (growth, its end), control (arena.<i>.extent_hooks)
 * Lock    none of the caller's: the program's functions may allocate
 * Always  a chunk that was handed out by hooks_default.alloc is lent: in no
 *         pool, of no page heap; it stops being so when a page heap adopts it
 *         or hooks_default.dalloc takes it back
 *
 * A page heap with hooks asks its `alloc` for multiples of 2 MiB at multiples
 * of 2 MiB or more. That function is to get them from hooks_default.alloc,
 * which the program reads from any arena, and may do with them whatever leaves
 * them readable and writable: give advice, lock them, bind them to a node. Any
 * other memory is given to its `dalloc` and the request fails, for what an
 * address is, free() finds out in tables that cover our own chunks alone.
 *
 * Such a page heap keeps its chunks, whatever runs empty, until it ends, so
 * that no other arena gets what a function gave advice for. Then each goes to
 * `dalloc`, 2 MiB at a time, or to `destroy` where that refuses. Those of ours
 * give it a new mapping before others get it; what the program's do not pass on
 * to them stays the program's. Pages of it go back to the kernel meanwhile as all do:
 * commit, decommit, purge, split and merge are there to be called, and are not
 * called.
 *
 * A function that allocates while its thread is bound to an arena apart would
 * call itself for that: hooks_are_called() says when the first arena is to
 * serve such a thread.
 */
#ifndef TRI_PAGES_HOOKS_H
#define TRI_PAGES_HOOKS_H

#include "region.h"

/* As jemalloc 5 lays it out, which programs copy and change. */
struct extent_hooks {
	void *(*alloc)(struct extent_hooks *h, void *new_addr, size_t bytes,
		       size_t alignment, bool *zero, bool *commit,
		       unsigned arena);
	/* The last four of these are true where they refuse. */
	bool (*dalloc)(struct extent_hooks *h, void *addr, size_t bytes,
		       bool committed, unsigned arena);
	void (*destroy)(struct extent_hooks *h, void *addr, size_t bytes,
			bool committed, unsigned arena);
	bool (*commit)(struct extent_hooks *h, void *addr, size_t bytes,
		       size_t offset, size_t length, unsigned arena);
	bool (*decommit)(struct extent_hooks *h, void *addr, size_t bytes,
			 size_t offset, size_t length, unsigned arena);
	bool (*purge_lazy)(struct extent_hooks *h, void *addr, size_t bytes,
			   size_t offset, size_t length, unsigned arena);
	bool (*purge_forced)(struct extent_hooks *h, void *addr, size_t bytes,
			     size_t offset, size_t length, unsigned arena);
	bool (*split)(struct extent_hooks *h, void *addr, size_t bytes,
		      size_t bytes_a, size_t bytes_b, bool committed,
		      unsigned arena);
	bool (*merge)(struct extent_hooks *h, void *addr_a, size_t bytes_a,
		      void *addr_b, size_t bytes_b, bool committed,
		      unsigned arena);
};

/* How many of the program's functions this thread is in the midst of. */
extern _Thread_local uint16_t hooks_depth TLS_INITIAL_EXEC HIDDEN;

ALWAYS_INLINE bool
hooks_are_called(void)
{
	return hooks_depth > 0;
}

/* Those of every arena that was given none. */
extern const struct extent_hooks hooks_default;

/*
 * `count` neighbouring chunks, lent; NULL where the program's function gives
 * none, or memory that is not ours.
 */
struct chunk *hooks_take(struct extent_hooks *h, unsigned arena, size_t count,
			 size_t alignment);

/* A chunk whose pages are all free, and that is of no page heap any more. */
void hooks_give(struct extent_hooks *h, unsigned arena, struct chunk *c);

#endif

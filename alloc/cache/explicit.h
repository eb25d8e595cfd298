/*
 * explicit.h -- caches that the program makes, names and ends (tcache.create).
 *
 * Above   api/mallocx.c, cache/drain.c, control (tcache.*, arenas), api/fork.c
 * Lock    the cache's own (LOCK_CACHE) for what it holds; LOCK_ROUND for which
 *         there are
 * Always  a record that was made stays in its place and is used again, so that
 *         who uses a cache that was ended dies with a sentence
 *
 * The same stacks as a thread's, without a fast path: no anchor ever points to
 * one, so its lock is all that it takes to have it at rest. It holds blocks of
 * one arena at a time: asked for another one's it gives back what it has, and
 * other arenas' blocks that are freed to it go home at once. So an arena that
 * is reset or ended is cleared out of caches by a look at those that are its.
 */
#ifndef TRI_CACHE_EXPLICIT_H
#define TRI_CACHE_EXPLICIT_H

#include "../heap/arena.h"
#include "tcache.h"

/* As many as jemalloc's flags can name. */
#define EXPLICIT_MAX 4094u

struct explicit_cache {
	struct tcache cache; /* its anchor is NULL */
	_Atomic bool is_live;
};

static_assert(sizeof(struct explicit_cache) <= PAGE_BYTES, "one page a cache");

/* A new one, empty, its number in *index. False: no memory, or too many. */
bool explicit_make(unsigned *index);

/* NULL where there is none of that number, or it was ended. */
struct explicit_cache *explicit_find(unsigned index);

/* Gives back what it holds. False: there is none of that number. */
bool explicit_flush(unsigned index);

/* The same, and its number may be used again. */
bool explicit_end(unsigned index);

/*
 * As direct_alloc, through the cache; a is NULL where the arena does not
 * matter. Dies where the cache was ended.
 */
void *explicit_alloc(struct explicit_cache *e, struct arena *a, unsigned cls,
		     bool *is_zero);

/* As direct_free. */
void explicit_free(struct explicit_cache *e, void *p, unsigned cls);

/* --- all of them; LOCK_ROUND is held by the caller ------------------------- */

/* Those that were made so far: `at` is 0 for the first, and counts on. */
struct explicit_cache *explicit_next(unsigned *at);

/* --- all of them; no lock of the caller's ---------------------------------- */

/*
 * Gives back what is of arena a. Ended arenas are nobody's: then the caches
 * have the first one.
 */
void explicit_leave(const struct arena *a, bool for_good);

/* For fork.c; LOCK_ROUND is held from before the first to after the last. */
void explicit_hold_all(void);
void explicit_release_all(void);

#endif

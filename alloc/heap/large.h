/*
 * large.h -- blocks that are page runs of their own.
 *
 * Above   cache/tcache.c (classes up to 1 MiB), api (all else)
 * Lock    a shelf's (LOCK_BIN) and those of the page heap, inside
 * Always  the page map of the first page says the class (CLASS_RUN: none),
 *         the runs table its length in pages; other pages' entries are 0
 */
#ifndef TRI_HEAP_LARGE_H
#define TRI_HEAP_LARGE_H

#include "arena.h"

/*
 * npages at a multiple of alignment bytes (a power of two, any), as class
 * `cls`. *is_zero: all of it reads as zero. NULL: out of memory.
 */
void *large_alloc(struct arena *a, size_t npages, size_t alignment,
		  unsigned cls, bool *is_zero);

/* Frees a block; p is its first byte. */
void large_free(void *p);

/*
 * Gives shelved runs to the page heap: those that nobody took since the last
 * call, or all.
 */
void large_trim(struct arena *a, bool only_idle);

size_t large_npages(const void *p);

/* Page runs of an arena with the program or a cache; a hint. */
struct large_sum {
	size_t nblocks, npages;
};

struct large_sum large_count(const struct arena *a);

/*
 * Makes a block npages long where it stands, and of class cls; false where
 * what lies behind it is taken.
 */
bool large_resize(void *p, size_t npages, unsigned cls);

/*
 * A longer block of no class with the same contents, for one above 2 MiB: by
 * moving its pages, or by a copy where the new place has pages already. The
 * old block is freed. NULL, and nothing changed, where that cannot be done.
 */
void *large_move(struct arena *a, void *p, size_t npages);

#endif

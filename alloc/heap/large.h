/*
 * large.h -- blocks that are page runs of their own.
 *
 * Above   cache/tcache.c (classes up to 1 MiB), api (all else)
 * Lock    those of the page heap
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

size_t large_npages(const void *p);

/*
 * Makes a block npages long where it stands, and of class cls; false where
 * what lies behind it is taken.
 */
bool large_resize(void *p, size_t npages, unsigned cls);

/*
 * A longer block with the same contents, its pages moved and not copied; the
 * old one is freed. NULL, and nothing changed, where that cannot be done.
 */
void *large_move(struct arena *a, void *p, size_t npages);

#endif

/*
 * direct.h -- one block from an arena, and back, past all caches.
 *
 * Above   cache/tcache.c (what no stack holds), api
 * Lock    those of the bin or of the page heap, inside
 * Always  a block goes back to the arena that it came from
 */
#ifndef TRI_HEAP_DIRECT_H
#define TRI_HEAP_DIRECT_H

#include "arena.h"

/*
 * A block of class cls (not CLASS_RUN) or NULL; *is_zero says whether a fresh
 * page run reads as zero.
 */
void *direct_alloc(struct arena *a, unsigned cls, bool *is_zero);

/* Frees a live block of any class, CLASS_RUN as well. */
void direct_free(void *p, unsigned cls);

#endif

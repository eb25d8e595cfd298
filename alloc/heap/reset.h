/*
 * reset.h -- takes back all that an arena apart has handed out.
 *
 * Above   control/arenas
 * Lock    those of bins and page heaps, inside; the caller holds LOCK_TRIM, so
 *         that no purge holds a slab or a page of the arena
 * Always  only free slots and pages are left, if nobody allocates meanwhile
 */
#ifndef TRI_HEAP_RESET_H
#define TRI_HEAP_RESET_H

#include "arena.h"

/*
 * Frees every block that the program holds of arena a, and retires its empty
 * slabs. No cache may hold one. Returns how many blocks.
 */
size_t arena_free_all(struct arena *a);

#endif

/*
 * quarantine.h -- freed blocks that wait before they may be used again.
 *
 * Above   api/checked.c (free), control (pressure, malloc_trim, statistics),
 *         fork
 * Lock    LOCK_QUARANTINE for which blocks wait; no lock while one leaves
 * Always  a block that waits is used as its slab or page run sees it, is sealed
 *         as freed (heap/tail.h), and no cache holds it
 *
 * One queue for the process, first in, first out, bounded by bytes and by
 * blocks: what a thread freed last is reused last, whoever allocates. Blocks
 * are looked at when they leave: whoever wrote to one after its free is found
 * out then, at the latest when the process exits. Near the memory limit, by
 * malloc_trim and where memory is used up all of them leave at once.
 *
 * Blocks of an arena apart do not wait, for that arena takes them back
 * when the program says so; nor do those of no class (above 1 MiB, or of a
 * large alignment): one of them would push out all others, and the page map
 * knows of its free by itself.
 */
#ifndef TRI_CACHE_QUARANTINE_H
#define TRI_CACHE_QUARANTINE_H

#include "../heap/sizeclass.h"

/* Freed bytes are not looked at. */
#define QUARANTINE_ANY (-1)

/*
 * Once, at boot. Freed blocks are full of `fill`. Without a call, or where
 * there is no memory for so many blocks, none waits.
 */
void quarantine_boot(size_t max_bytes, size_t max_blocks, int fill);

/* Block p of a class waits from now on; false: it cannot. */
bool quarantine_put(void *p, unsigned cls);

/* All leave. Dies where one was written to since it was freed. */
void quarantine_empty(void);

/* Shows each block that waits, the lock held. */
typedef void quarantine_look_fn(const void *p, unsigned cls, void *arg);
void quarantine_look(quarantine_look_fn *look, void *arg);

/* For fork.c. */
void quarantine_lock(void);
void quarantine_unlock(void);

#endif

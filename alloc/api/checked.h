/*
 * checked.h -- what the options have done with every block: canaries, poison,
 * quarantine, junk, zeros.
 *
 * Above   the entry points' slow paths
 * Lock    none of its own
 * Always  where nothing of it is asked for api_is_checked is false from the
 *         constructor on, and one load on slow paths is all that it costs
 *
 * Where it is asked for, every thread's cache is closed (cache/tcache.h), so
 * that every malloc and free takes the slow path. Three kinds of blocks:
 *
 *	with a tail	requested with api_tail bytes more (heap/tail.h). Their
 *			size is the one that was requested, exactly: for
 *			malloc_usable_size as well, since a program that is
 *			told more may write there, and break the canary
 *	early		handed out before the options were read (the dynamic
 *			linker's): whole blocks without a tail, remembered by
 *			address until they are freed
 *	plain		where only junk or zeros are asked for
 *
 * A resized block gets a new tail where it stands or moves to; realloc moves
 * no block that it would not move otherwise. A block that is freed is judged
 * at once: its slab or page says whether it is free, its tail whether it waits
 * in the quarantine or is the program's.
 */
#ifndef TRI_API_CHECKED_H
#define TRI_API_CHECKED_H

#include "../base/base.h"

extern bool api_is_checked HIDDEN;

/* Bytes that a block needs beyond the requested ones: 0 or TAIL_BYTES. */
extern size_t api_tail HIDDEN;

/* The options are read. Once, before the process has caches. */
void checked_boot(void);

/* The rest is called where api_is_checked says so. */

/* A block goes out as one of n bytes, out of at least n + api_tail. */
void checked_out(void *p, size_t n);

/* New bytes of it, from `old` to n, whose contents the program must not know. */
void checked_fill(void *p, size_t old, size_t n, bool is_zero);

/* It had `old` bytes at p and has n at `to`, which may be p. */
void checked_resized(void *p, void *to, size_t old, size_t n);

/*
 * The bytes that the program may use of a block of so many. Dies where the
 * block was freed, or what lies behind it was written to.
 */
size_t checked_size(const char *name, const void *p, size_t bytes);

/*
 * A live block is freed: true where it waits in the quarantine, else the
 * caller takes it back.
 */
bool checked_in(const char *name, void *p, unsigned cls, size_t bytes);

#endif

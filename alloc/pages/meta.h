/*
 * meta.h -- memory for our own records: slabs, caches, their arrays.
 *
 * Above   heap/slab, cache/thread
 * Lock    LOCK_META inside; the caller may hold any lock below it
 * Always  records live apart from the program's pages, in sizes of powers of
 *         two and half-way between; freed ones are kept for the next of their
 *         size and never unmapped, so a stale pointer to a record still
 *         points to a record; an inaccessible page lies on either side of
 *         each MiB of records, so no block of the program's that is overrun
 *         runs into one (two VMAs and 8 KiB of address space a MiB, which
 *         serves 256 MiB of small blocks and more)
 */
#ifndef TRI_PAGES_META_H
#define TRI_PAGES_META_H

#include "../base/base.h"

#define META_MIN_BYTES ((size_t)64)
#define META_MAX_BYTES (64 * KIB)

/*
 * A record of at least `bytes`, aligned to the largest power of two that
 * divides its size (4 KiB at most), contents undefined. NULL where the kernel gives no more memory.
 */
void *meta_alloc(size_t bytes);

/* `bytes` as it was asked for. */
void meta_free(void *record, size_t bytes);

/* Bytes of all records ever carved, and those of them now on free lists. */
void meta_usage(size_t *carved, size_t *idle);

/* Bytes of the blocks of records that are resident. Slow: asks the kernel. */
size_t meta_resident(void);

/* True where an address lies among records. Takes no lock. */
bool meta_owns(const void *p);

/* For fork.c. */
void meta_lock(void);
void meta_unlock(void);

#endif

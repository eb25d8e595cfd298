/*
 * slab.h -- 64 KiB cut into equal slots; its record lies elsewhere.
 *
 * Above   bin
 * Lock    the bin's (LOCK_BIN) for take and put; none for make and retire,
 *         when nobody else knows the slab
 * Always  nfree is the number of ones in free[]; the slab table names the
 *         record for its 64 KiB, the page map the class for each page that
 *         holds a slot
 */
#ifndef TRI_HEAP_SLAB_H
#define TRI_HEAP_SLAB_H

#include "../base/bits.h"
#include "../pages/pageheap.h"
#include "sizeclass.h"

struct bin;

struct slab {
	struct list_node link; /* the bin's list `fullness`; full: on none */
	char *base;
	struct bin *bin;
	uint32_t magic;
	uint16_t nslots, nfree;
	uint16_t low, high; /* it stays on its list while nfree is within */
	uint16_t first;     /* no word of free[] before it has a one */
	uint8_t cls;
	uint8_t fullness;
	uint64_t free[]; /* 1: in the slab, 0: with the program or a cache */
};

/* A new slab, all its slots free, for a bin; NULL: out of memory. */
struct slab *slab_make(struct pageheap *ph, struct bin *bin, unsigned cls);

/* Gives its pages and its record back; all slots are free. */
void slab_retire(struct slab *s);

/* The slab around any address, or NULL. */
ALWAYS_INLINE struct slab *
slab_find(const void *p)
{
	struct region *r = &regions[0];

	if ((uintptr_t)p - r->base >= region_npages(r) << PAGE_SHIFT)
		r = region_find(p);
	return r == NULL ? NULL : *region_slab(r, p);
}

/* Takes up to n of the lowest free slots; returns how many. */
size_t slab_take(struct slab *s, void **out, size_t n);

/* True where p is a slot of s; its number in *index. */
ALWAYS_INLINE bool
slab_slot(const struct slab *s, const void *p, size_t *index)
{
	uint64_t product = (uint64_t)(uint16_t)(uintptr_t)p * s->magic;

	*index = product >> 32;
	return (uint32_t)product < s->magic && *index < s->nslots;
}

/*
 * Whether p's slot is in the slab, read without the lock: right for a slot
 * that the program holds, whose bit nobody changes, and a guess for another.
 */
bool slab_looks_free(const struct slab *s, const void *p);

/* Puts a slot back. Dies where it is free already. */
ALWAYS_INLINE void
slab_put(struct slab *s, void *p)
{
	size_t i;

	ensure(slab_slot(s, p, &i), "a thread cache held an address that is "
				    "no block: the heap is corrupt");
	ensure(!bits_test(s->free, i), "free(): a block was freed twice, and "
				       "its second free came through a cache");
	bits_set(s->free, i);
	if (i / BITS_WORD < s->first)
		s->first = (uint16_t)(i / BITS_WORD);
	s->nfree++;
}

#endif

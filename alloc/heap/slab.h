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

#include "../pages/pageheap.h"
#include "sizeclass.h"

struct bin;

struct slab {
	struct list_node link; /* the bin's list `fullness`; full: on none */
	char *base;
	struct bin *bin;
	uint32_t magic;
	uint16_t nslots, nfree;
	uint8_t cls;
	uint8_t fullness;
	uint64_t free[]; /* 1: in the slab, 0: with the program or a cache */
};

/* A new slab, all its slots free, for a bin; NULL: out of memory. */
struct slab *slab_make(struct pageheap *ph, struct bin *bin, unsigned cls);

/* Gives its pages and its record back; all slots are free. */
void slab_retire(struct slab *s);

/* The slab around an address of ours, or NULL. */
struct slab *slab_find(const void *p);

/* Takes up to n of the lowest free slots; returns how many. */
size_t slab_take(struct slab *s, void **out, size_t n);

/* Puts a slot back. Dies where it is free already. */
void slab_put(struct slab *s, void *p);

/* True where p is a slot of s; its number in *index. */
bool slab_slot(const struct slab *s, const void *p, size_t *index);

#endif

/*
 * slab.h -- 64 KiB cut into equal slots; its record lies elsewhere.
 *
 * Above   bin
 * Lock    the bin's (LOCK_BIN) for all but make and retire, which are for
 *         slabs that nobody else knows
 * Always  the slab table names the record for its 64 KiB, the page map the
 *         class (or CLASS_APART) for each page that holds a slot and is not
 *         away; pages behind the last slot are not the slab's
 *
 * Whole free pages of a slab can be given back to the kernel: they are then
 * `away`. Slots that overlap one are free but hidden: their bit in free[] is
 * 0, so that taking slots finds those on resident pages alone and knows
 * nothing of pages. A slot is therefore
 *
 *	free, visible	its bit is 1; counted by nfree
 *	free, hidden	it overlaps a page that is away; counted by nhidden
 *	used		neither; nslots - nfree - nhidden of them
 *
 * A page goes away by slab_hide(), then the kernel's purge, during which the
 * slab is_held: not retired, and nothing of it revealed. It comes back by
 * slab_reveal(), before one of its slots is handed out.
 */
#ifndef TRI_HEAP_SLAB_H
#define TRI_HEAP_SLAB_H

#include "../base/bits.h"
#include "../pages/pageheap.h"
#include "sizeclass.h"

struct bin;

struct slab {
	struct list_node link;   /* the bin's list `list`; full: on none */
	struct queue_node young; /* the bin's queue while is_young */
	char *base;
	struct bin *bin;
	uint16_t nslots, nfree, nhidden;
	uint16_t away;      /* a bit for each page */
	uint16_t low, high; /* it stays on its list while nfree is within */
	uint8_t first;      /* no word of free[] before it has a one */
	uint8_t cls;
	uint8_t age;          /* ticks since a slot was taken; while is_young */
	uint8_t list : 4;     /* of the bin's lists */
	uint8_t is_young : 1; /* may have pages to give, see bin_purge() */
	uint8_t is_held : 1;  /* a purge of some of its pages is under way */
	uint8_t was_resident : 1; /* pages of it were when it was made */
	uint8_t is_apart : 1;     /* of an arena apart: CLASS_APART */
	uint64_t free[];
};

static_assert(sizeof(struct slab) == 64, "the record's head is a cache line");

static_assert(SLAB_NPAGES == 16, "a page of a slab is a bit of 16");

/* A new slab, all its slots free, for a bin; NULL: out of memory. */
struct slab *slab_make(struct pageheap *ph, struct bin *bin, unsigned cls);

/* Gives its pages and its record back; all slots are free. */
void slab_retire(struct slab *s);

/*
 * The slab in the 64 KiB around any address, or NULL. The address may lie
 * behind the slab's last page.
 */
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
	const struct class_shape *shape = &class_shapes[s->cls];
	size_t offset = (uintptr_t)p & (SLAB_BYTES - 1);
	uint64_t product = (uint64_t)(offset & shape->mask) * shape->magic;
	size_t in_group = product >> 32;

	*index = (offset >> shape->shift) * shape->per_group + in_group;
	return (uint32_t)product < shape->magic && in_group < shape->per_group;
}

/* The pages that a slot overlaps. */
ALWAYS_INLINE uint16_t
slab_slot_pages(const struct slab *s, size_t index)
{
	size_t start = class_slot_offset(s->cls, index);
	size_t first = start >> PAGE_SHIFT;
	size_t last = (start + class_size(s->cls) - 1) >> PAGE_SHIFT;

	return (uint16_t)((2u << last) - (1u << first));
}

/* What the page map says of its pages. */
ALWAYS_INLINE unsigned
slab_map_class(const struct slab *s)
{
	return s->is_apart ? CLASS_APART : s->cls;
}

/* True where no slot is used. */
ALWAYS_INLINE bool
slab_is_empty(const struct slab *s)
{
	return s->nfree + s->nhidden == s->nslots;
}

/*
 * The resident pages that hold nothing but free slots; where the kernel's pages
 * are larger, those that make up whole ones. So none of a page of the kernel's
 * is away, or all.
 */
uint16_t slab_free_pages(const struct slab *s);

/* Hides the slots on such pages, which a purge is to follow. */
void slab_hide(struct slab *s, uint16_t pages);

/* Takes pages back: they read as zero, or were not purged after all. */
void slab_reveal(struct slab *s, uint16_t pages);

/*
 * Reveals as few pages as make a hidden slot visible, the lowest ones. Returns
 * how many.
 */
unsigned slab_reveal_some(struct slab *s);

/*
 * Whether p's slot is in the slab, read without the lock: right for a slot
 * that the program holds, whose bit nobody changes, and a guess for another.
 */
bool slab_looks_free(const struct slab *s, const void *p);

/*
 * Up to n of the slots that are in use, the lowest first; read without the
 * lock, and right for slots that nobody takes or puts meanwhile.
 */
size_t slab_used(const struct slab *s, void **out, size_t n);

/* Of what cannot be put: a slot that is free, or no slot at all. */
_Noreturn void slab_die_of_put(const void *p, bool is_slot);

/* Puts a slot back. Dies where it is free already. */
ALWAYS_INLINE void
slab_put(struct slab *s, void *p)
{
	size_t i;

	if (!slab_slot(s, p, &i))
		slab_die_of_put(p, false);
	if (bits_test(s->free, i) ||
	    (s->away != 0 && (s->away & slab_slot_pages(s, i)) != 0))
		slab_die_of_put(p, true);
	bits_set(s->free, i);
	if (i / BITS_WORD < s->first)
		s->first = (uint8_t)(i / BITS_WORD);
	s->nfree++;
}

#endif

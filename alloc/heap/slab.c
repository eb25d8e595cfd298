/*
 * slab.c -- see slab.h.
 */
#include "slab.h"
#include "../base/bits.h"
#include "../base/check.h"
#include "../pages/meta.h"

static size_t
record_bytes(size_t nslots)
{
	return sizeof(struct slab) + bits_nwords(nslots) * sizeof(uint64_t);
}

static struct slab *
record_make(struct bin *bin, unsigned cls)
{
	size_t nslots = SLAB_BYTES / class_size(cls);
	struct slab *s = meta_alloc(record_bytes(nslots));

	if (s == NULL)
		return NULL;
	s->bin = bin;
	s->magic = class_magic(cls);
	s->cls = (uint8_t)cls;
	s->nslots = (uint16_t)nslots;
	s->nfree = (uint16_t)nslots;
	for (size_t i = 0; i < bits_nwords(nslots); i++)
		s->free[i] = 0;
	bits_set_range(s->free, 0, nslots);
	return s;
}

/* Tells the page map and the slab table what lies at s->base. */
static void
announce(const struct slab *s)
{
	struct region *r = region_find(s->base);
	size_t bytes = s->nslots * class_size(s->cls);
	size_t npages = align_up(bytes, PAGE_BYTES) >> PAGE_SHIFT;

	*region_slab(r, s->base) = (void *)(uintptr_t)s;
	pagemap_set(r, region_page(r, s->base), npages, CLASS_TO_MAP(s->cls));
}

struct slab *
slab_make(struct pageheap *ph, struct bin *bin, unsigned cls)
{
	struct slab *s = record_make(bin, cls);
	bool is_zero;

	if (s == NULL)
		return NULL;
	s->base = pageheap_alloc(ph, SLAB_NPAGES, SLAB_NPAGES, &is_zero);
	if (s->base == NULL) {
		meta_free(s, record_bytes(s->nslots));
		return NULL;
	}
	announce(s);
	return s;
}

void
slab_retire(struct slab *s)
{
	struct region *r = region_find(s->base);

	invariant(s->nfree == s->nslots);
	pagemap_set(r, region_page(r, s->base), SLAB_NPAGES,
		    CLASS_TO_MAP(CLASS_NONE));
	*region_slab(r, s->base) = NULL;
	pageheap_free(s->base, SLAB_NPAGES);
	meta_free(s, record_bytes(s->nslots));
}

struct slab *
slab_find(const void *p)
{
	struct region *r = region_find(p);

	return r == NULL ? NULL : *region_slab(r, p);
}

size_t
slab_take(struct slab *s, void **out, size_t n)
{
	size_t size = class_size(s->cls), got = 0;

	for (size_t w = 0; got < n && s->nfree > got; w++) {
		while (s->free[w] != 0 && got < n) {
			unsigned bit = (unsigned)__builtin_ctzll(s->free[w]);

			s->free[w] &= s->free[w] - 1;
			out[got++] = s->base + (w * BITS_WORD + bit) * size;
		}
	}
	s->nfree = (uint16_t)(s->nfree - got);
	return got;
}

bool
slab_slot(const struct slab *s, const void *p, size_t *index)
{
	uint64_t offset = (uintptr_t)p & (SLAB_BYTES - 1);
	uint64_t product = offset * s->magic;

	*index = product >> 32;
	return (uint32_t)product < s->magic && *index < s->nslots;
}

void
slab_put(struct slab *s, void *p)
{
	size_t i;

	ensure(slab_slot(s, p, &i), "a thread cache held an address that is "
				    "no block: the heap is corrupt");
	ensure(!bits_test(s->free, i), "free(): a block was freed twice, and "
				       "its second free came through a cache");
	bits_set(s->free, i);
	s->nfree++;
}

/*
 * slab.c -- see slab.h.
 */
#include "slab.h"
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
	s->first = 0;
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

size_t
slab_take(struct slab *s, void **out, size_t n)
{
	size_t size = class_size(s->cls), got = 0, w = s->first;

	n = min_size(n, s->nfree);
	while (got < n) {
		uint64_t word = s->free[w];
		char *base = s->base + w * BITS_WORD * size;

		for (; word != 0 && got < n; word &= word - 1)
			out[got++] = base +
				     (unsigned)__builtin_ctzll(word) * size;
		s->free[w] = word;
		w += word == 0;
	}
	s->first = (uint16_t)w;
	s->nfree = (uint16_t)(s->nfree - got);
	return got;
}

/* The other bits of the word change meanwhile, which is what TSan would say. */
NOINLINE __attribute__((no_sanitize("thread"))) bool
slab_looks_free(const struct slab *s, const void *p)
{
	size_t i;

	return !slab_slot(s, p, &i) ||
	       (s->free[i / BITS_WORD] >> (i % BITS_WORD)) & 1;
}

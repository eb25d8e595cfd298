/*
 * slab.c -- see slab.h.
 */
#include "misuse.h"
#include "slab.h"
#include "../pages/meta.h"

static size_t
record_bytes(size_t nslots)
{
	return sizeof(struct slab) + bits_nwords(nslots) * sizeof(uint64_t);
}

static struct slab *
record_make(struct bin *bin, unsigned cls)
{
	size_t nslots = class_nslots(cls);
	struct slab *s = meta_alloc(record_bytes(nslots));

	if (s == NULL)
		return NULL;
	s->bin = bin;
	s->cls = (uint8_t)cls;
	s->nslots = (uint16_t)nslots;
	s->nfree = (uint16_t)nslots;
	s->nhidden = s->away = 0;
	s->first = s->age = 0;
	s->is_young = s->is_held = 0;
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

	*region_slab(r, s->base) = (void *)(uintptr_t)s;
	pagemap_set(r, region_page(r, s->base), class_slab_npages(s->cls),
		    CLASS_TO_MAP(slab_map_class(s)));
}

struct slab *
slab_make(struct pageheap *ph, struct bin *bin, unsigned cls)
{
	struct slab *s = record_make(bin, cls);
	bool is_zero;

	if (s == NULL)
		return NULL;
	s->base = pageheap_alloc(ph, class_slab_npages(cls), SLAB_NPAGES,
				 &is_zero);
	if (s->base == NULL) {
		meta_free(s, record_bytes(s->nslots));
		return NULL;
	}
	s->was_resident = !is_zero;
	s->is_apart = ph->is_apart;
	announce(s);
	return s;
}

/* The page heap hears of them as clean pages. */
static void
forget_away(const struct slab *s)
{
	struct chunk *c = region_chunk(region_find(s->base), s->base);

	for (unsigned pages = s->away; pages != 0; pages &= pages - 1)
		chunk_note_away(c,
				chunk_page(c, s->base) +
					(unsigned)__builtin_ctz(pages),
				false);
}

void
slab_retire(struct slab *s)
{
	struct region *r = region_find(s->base);
	size_t npages = class_slab_npages(s->cls);

	invariant(slab_is_empty(s) && !s->is_held);
	pagemap_set(r, region_page(r, s->base), npages,
		    CLASS_TO_MAP(CLASS_NONE));
	*region_slab(r, s->base) = NULL;
	forget_away(s);
	pageheap_free_parts(s->base, npages, s->away);
	meta_free(s, record_bytes(s->nslots));
}

size_t
slab_take(struct slab *s, void **out, size_t n)
{
	size_t got = 0, w = s->first;

	n = min_size(n, s->nfree);
	while (got < n) {
		uint64_t word = s->free[w];

		for (; word != 0 && got < n; word &= word - 1) {
			size_t i = w * BITS_WORD +
				   (unsigned)__builtin_ctzll(word);

			out[got++] = s->base + class_slot_offset(s->cls, i);
		}
		s->free[w] = word;
		w += word == 0;
	}
	s->first = (uint8_t)w;
	s->nfree = (uint16_t)(s->nfree - got);
	s->age = 0;
	return got;
}

void
slab_die_of_put(const void *p, bool is_slot)
{
	misuse_die_locked("free()", p,
			  is_slot ? " was freed twice, and its second free "
				    "came through a cache"
				  : " was in a thread's cache and is no block: "
				    "the heap is corrupt");
}

/* --- pages ----------------------------------------------------------------- */

/* Slots. */
struct span {
	size_t first, end;
};

/* The slots that overlap a page; none where it lies behind the last slot. */
static struct span
page_slots(const struct slab *s, unsigned page)
{
	const struct class_shape *shape = &class_shapes[s->cls];
	size_t start = (size_t)page << PAGE_SHIFT;
	size_t group = (start >> shape->shift) * shape->per_group;
	uint64_t in_group = start & shape->mask;
	size_t first = in_group * shape->magic >> 32;
	size_t last = (in_group + PAGE_BYTES - 1) * shape->magic >> 32;

	return (struct span){ group + min_size(first, shape->per_group),
			      group + min_size(last + 1, shape->per_group) };
}

static bool
is_free(const struct slab *s, size_t i)
{
	return bits_test(s->free, i) || (s->away & slab_slot_pages(s, i)) != 0;
}

/* Only the first and the last slot of a page can overlap another page. */
static bool
page_is_free(const struct slab *s, unsigned page)
{
	struct span v = page_slots(s, page);

	if (v.first >= v.end || !is_free(s, v.first) || !is_free(s, v.end - 1))
		return false;
	if (v.end - v.first <= 2)
		return true;
	v.first++;
	v.end--;
	return bits_count_range(s->free, v.first, v.end - v.first) ==
	       v.end - v.first;
}

/* All the pages that share a page of the kernel's with one of `pages`. */
static uint16_t
widen(uint16_t pages)
{
	unsigned unit = chunk_unit();
	uint64_t out = pages;

	for (unsigned page = 0; page < SLAB_NPAGES; page += unit) {
		if (pages & bits_mask(page, unit))
			out |= bits_mask(page, unit);
	}
	return (uint16_t)out;
}

/* Those of `pages` that make up whole pages of the kernel's. */
static uint16_t
narrow(uint16_t pages)
{
	return (uint16_t)(pages & ~widen((uint16_t)~pages));
}

uint16_t
slab_free_pages(const struct slab *s)
{
	uint16_t pages = 0;

	for (unsigned page = 0; page < SLAB_NPAGES; page++) {
		if (!(s->away >> page & 1) && page_is_free(s, page))
			pages |= (uint16_t)(1u << page);
	}
	return narrow(pages);
}

/* Tells the page map and the chunk whether a page is there. */
static void
announce_page(const struct slab *s, unsigned page, bool is_away)
{
	const struct region *r = region_find(s->base);
	struct chunk *c = region_chunk(r, s->base);

	pagemap_set(r, region_page(r, s->base) + page, 1,
		    CLASS_TO_MAP(is_away ? CLASS_NONE : slab_map_class(s)));
	chunk_note_away(c, chunk_page(c, s->base) + page, is_away);
}

static void
hide_page(struct slab *s, unsigned page)
{
	struct span v = page_slots(s, page);
	size_t n = bits_count_range(s->free, v.first, v.end - v.first);

	bits_clear_range(s->free, v.first, v.end - v.first);
	s->nfree = (uint16_t)(s->nfree - n);
	s->nhidden = (uint16_t)(s->nhidden + n);
	s->away |= (uint16_t)(1u << page);
	announce_page(s, page, true);
}

void
slab_hide(struct slab *s, uint16_t pages)
{
	for (; pages != 0; pages &= (uint16_t)(pages - 1))
		hide_page(s, (unsigned)__builtin_ctz(pages));
}

/* A slot comes in sight when no page of it is away any more. */
static void
reveal_page(struct slab *s, unsigned page)
{
	struct span v = page_slots(s, page);

	s->away &= (uint16_t) ~(1u << page);
	for (size_t i = v.first; i < v.end; i++) {
		if (slab_slot_pages(s, i) & s->away)
			continue;
		bits_set(s->free, i);
		s->nfree++;
		s->nhidden--;
	}
	s->first = (uint8_t)min_size(s->first, v.first / BITS_WORD);
	announce_page(s, page, false);
}

void
slab_reveal(struct slab *s, uint16_t pages)
{
	for (; pages != 0; pages &= (uint16_t)(pages - 1))
		reveal_page(s, (unsigned)__builtin_ctz(pages));
}

unsigned
slab_reveal_some(struct slab *s)
{
	unsigned lowest = (unsigned)__builtin_ctz(s->away);
	size_t slot = page_slots(s, lowest).first;
	uint16_t pages = widen(slab_slot_pages(s, slot)) & s->away;

	slab_reveal(s, pages);
	return bits_popcount(pages);
}

/* --- reading without the lock ------------------------------------------------- */

/* The other bits of the word change meanwhile, which is what TSan would say. */
NOINLINE __attribute__((no_sanitize("thread"))) bool
slab_looks_free(const struct slab *s, const void *p)
{
	size_t i;

	return !slab_slot(s, p, &i) ||
	       (s->free[i / BITS_WORD] >> (i % BITS_WORD) & 1) != 0 ||
	       (s->away != 0 && (s->away & slab_slot_pages(s, i)) != 0);
}

NOINLINE __attribute__((no_sanitize("thread"))) size_t
slab_used(const struct slab *s, void **out, size_t n)
{
	size_t got = 0;

	for (size_t i = 0; i < s->nslots && got < n; i++) {
		if (!is_free(s, i))
			out[got++] = s->base + class_slot_offset(s->cls, i);
	}
	return got;
}

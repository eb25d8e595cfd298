/*
 * residence.c -- see residence.h.
 */
#include <errno.h>

#include "residence.h"
#include "../base/bits.h"
#include "../os/memory.h"
#include "meta.h"

static_assert(CHUNK_NPAGES <= IN_CORE_NPAGES_MAX, "a chunk is one question");

static size_t
count(uint64_t pages)
{
	return (size_t)bits_popcount(pages) << PAGE_SHIFT;
}

static void
compare_chunk(struct chunk *c, struct residence *out)
{
	uint64_t books[CHUNK_NWORDS], core[CHUNK_NWORDS];
	bool has_books = pageheap_books(c, books);

	/*
	 * Without a mapping: a move of its pages took the addresses away, and
	 * the kernel had none to put in place (OS_LOST). Nothing is resident.
	 */
	if (!os_in_core(c->base, CHUNK_NPAGES, core) && errno != ENOMEM)
		return;
	for (size_t i = 0; i < CHUNK_NWORDS; i++) {
		out->resident += count(core[i]);
		if (has_books)
			out->untouched += count(books[i] & ~core[i]);
	}
}

static void
compare_region(const struct region *r, struct residence *out)
{
	size_t n = pagepool_nchunks(r);

	for (size_t i = 0; i < n; i++)
		compare_chunk(&r->chunks[i], out);
	out->records += os_bytes_in_core(r->reservation,
					 r->base - (uintptr_t)r->reservation);
}

void
residence_compare(struct residence *out)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);

	*out = (struct residence){ .records = meta_resident() };
	for (unsigned i = 0; i < n; i++)
		compare_region(&regions[i], out);
}

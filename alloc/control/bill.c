/*
 * bill.c -- the sums of a snapshot against what the kernel has: see stats.h.
 *
 * Called for reports, after the sums are taken. What threads do in between is
 * in `unaccounted`.
 */
#include "../heap/arena.h"
#include "../pages/residence.h"
#include "stats.h"

/* What smaps says; false where it cannot be read. */
static bool
ask_for_residence(struct os_residence *sum)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);

	*sum = (struct os_residence){ 0, 0 };
	for (unsigned i = 0; i < n; i++) {
		struct os_residence one;

		if (!os_residence((void *)regions[i].base,
				  regions[i].nchunks_max * CHUNK_BYTES, &one))
			return false;
		sum->resident += one.resident;
		sum->huge += one.huge;
	}
	return true;
}

/* Whole pages of the table of arenas, as far as it is in use. */
static size_t
arenas_in_core(void)
{
	uintptr_t start = align_up((uintptr_t)arenas, PAGE_BYTES);
	uintptr_t end = align_down((uintptr_t)(arenas + arena_count()),
				   PAGE_BYTES);

	return end > start ? os_bytes_in_core((void *)start, end - start) : 0;
}

void
stats_ask_kernel(struct stats *out)
{
	struct residence pages;
	size_t expected;

	residence_compare(&pages);
	/* Where smaps is not to be had, huge pages are not to be known. */
	if (!ask_for_residence(&out->residence))
		out->residence = (struct os_residence){ pages.resident, 0 };
	out->has_residence = true;
	out->untouched = pages.untouched;
	out->metadata_resident = pages.records + arenas_in_core();
	expected = out->active - out->slab_away + out->dirty - out->untouched;
	out->unaccounted = (int64_t)(out->residence.resident - expected);
}

/*
 * stats.c -- see stats.h.
 */
#include <string.h>

#include "../cache/drain.h"
#include "../cache/thread.h"
#include "../heap/arena.h"
#include "../pages/meta.h"
#include "stats.h"
#include "trim.h"

static size_t
minus(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

static void
add_bin(struct class_stats *s, struct bin *b, uint64_t *nrefaults)
{
	lock_take(&b->lock, LOCK_BIN);
	s->nslabs += b->nslabs;
	s->nlive += b->nused;
	s->naway += b->naway;
	s->nfills += b->nfills;
	s->nflushes += b->nflushes;
	*nrefaults += b->nrefaults;
	lock_drop(&b->lock, LOCK_BIN);
}

static void
add_pages(struct stats *out, struct pageheap *ph)
{
	lock_take(&ph->lock, LOCK_PAGES);
	out->active += ph->nused << PAGE_SHIFT;
	out->dirty += pageheap_ndirty(ph) << PAGE_SHIFT;
	out->nrefaults += pageheap_nrefaults(ph);
	purge_stats_add(&out->purge, &ph->purge);
	lock_drop(&ph->lock, LOCK_PAGES);
}

static void
add_arena(struct stats *out, struct arena *a)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		if (bin_is_used(&a->bins[cls]))
			add_bin(&out->classes[cls], &a->bins[cls],
				&out->nrefaults);
	}
	add_pages(out, &a->pages);
	/* Relaxed: sums for reports. */
	out->nlarge += atomic_load_explicit(&a->nlarge, memory_order_relaxed);
	out->shelved += atomic_load_explicit(&a->shelf_bytes,
					     memory_order_relaxed);
	out->large += atomic_load_explicit(&a->large_bytes,
					   memory_order_relaxed);
}

static void
add_pool(struct stats *out)
{
	struct pagepool_stats pool;

	pagepool_stats(&pool);
	out->mapped = pool.nchunks * CHUNK_BYTES;
	out->dirty += pool.ndirty_pages << PAGE_SHIFT;
	purge_stats_add(&out->purge, &pool.purge);
}

/* From what the slabs gave out and the caches hold, who has the rest. */
static void
settle_classes(struct stats *out, const size_t cached[NCLASSES])
{
	size_t slabs = 0, used = 0, naway = 0;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct class_stats *s = &out->classes[cls];
		size_t size = class_size(cls);

		s->ncached = cached[cls];
		out->cached += s->ncached * size;
		out->cached_blocks += s->ncached;
		if (!class_is_slab(cls))
			continue;
		used += s->nlive * size;
		slabs += s->nslabs * (class_slab_npages(cls) << PAGE_SHIFT);
		naway += s->naway;
		s->nfree = minus(s->nslabs * class_nslots(cls), s->nlive);
		s->nlive = minus(s->nlive, s->ncached);
		out->slab_free_blocks += s->nfree;
	}
	out->slab_away = naway << PAGE_SHIFT;
	out->slab_free = minus(slabs, used + out->slab_away);
	out->allocated = minus(used + out->large, out->cached);
}

void
stats_take(struct stats *out)
{
	size_t cached[NCLASSES] = { 0 };
	struct trim_stats trim;
	size_t idle;

	memset(out, 0, sizeof *out);
	drain_count(cached);
	out->narenas = arena_count();
	for (unsigned i = 0; i < out->narenas; i++)
		add_arena(out, &arenas[i]);
	add_pool(out);
	settle_classes(out, cached);
	meta_usage(&out->metadata, &idle);
	out->nthreads = thread_count();
	trim_stats(&trim);
	out->has_trim_thread = trim.has_thread;
	out->trim_cpu_ns = trim.cpu_ns;
	out->now_ns = os_now_ns();
	reclaim_stats(&out->reclaim);
}

void
stats_ask_kernel(struct stats *out)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);

	out->has_residence = true;
	out->residence = (struct os_residence){ 0, 0 };
	for (unsigned i = 0; i < n; i++) {
		struct os_residence one;

		if (!os_residence((void *)regions[i].base,
				  regions[i].nchunks_max * CHUNK_BYTES, &one))
			out->has_residence = false;
		out->residence.resident += one.resident;
		out->residence.huge += one.huge;
	}
}

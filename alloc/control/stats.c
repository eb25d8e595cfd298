/*
 * stats.c -- see stats.h: the sums, and the snapshot of all parts.
 */
#include <string.h>

#include "../cache/drain.h"
#include "../cache/quarantine.h"
#include "../cache/thread.h"
#include "../heap/large.h"
#include "../pages/meta.h"
#include "stats.h"
#include "trim.h"

/*
 * Caches there may be more of when they are looked at than when they were
 * counted. Room that is not used is not touched.
 */
#define THREADS_SPARE 1024u

/* Relaxed: written at boot, before there are threads. */
static _Atomic uint64_t boot_ns;

void
stats_boot(void)
{
	atomic_store_explicit(&boot_ns, os_now_ns(), memory_order_relaxed);
}

static size_t
minus(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

/* --- arenas ------------------------------------------------------------------- */

/* nlive: all blocks that are out of the slabs, until settle(). */
static struct class_stats
read_bin(struct bin *b)
{
	struct class_stats c;

	lock_take(&b->lock, LOCK_BIN);
	c = (struct class_stats){
		.nslabs = b->nslabs,
		.nlive = b->nused,
		.naway = b->naway,
		.nfills = b->nfills,
		.nflushes = b->nflushes,
		.nfilled = b->nfilled,
		.nflushed = b->nflushed,
		.nrefaults = b->nrefaults,
		.nlock_waits = lock_nwaits(&b->lock),
	};
	lock_drop(&b->lock, LOCK_BIN);
	return c;
}

/* All but the cached blocks, which are counted elsewhere. */
static void
add_class(struct class_stats *to, const struct class_stats *c)
{
	to->nslabs += c->nslabs;
	to->nlive += c->nlive;
	to->naway += c->naway;
	to->nfills += c->nfills;
	to->nflushes += c->nflushes;
	to->nfilled += c->nfilled;
	to->nflushed += c->nflushed;
	to->nrefaults += c->nrefaults;
	to->nlock_waits += c->nlock_waits;
}

static void
add_bins(struct stats *sum, struct arena_stats *one, struct arena *a)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct class_stats c;

		if (!bin_is_used(&a->bins[cls]))
			continue;
		c = read_bin(&a->bins[cls]);
		add_class(&sum->classes[cls], &c);
		sum->nrefaults += c.nrefaults;
		sum->nlock_waits += c.nlock_waits;
		if (one == NULL)
			continue;
		add_class(&one->classes[cls], &c);
		one->nrefaults += c.nrefaults;
		one->nlock_waits += c.nlock_waits;
	}
}

struct pages_stats {
	size_t active, dirty, mapped;
	uint64_t nrefaults, nlock_waits;
	struct purge_stats purge;
};

static struct pages_stats
read_pages(struct pageheap *ph)
{
	struct pages_stats p;

	lock_take(&ph->lock, LOCK_PAGES);
	p = (struct pages_stats){
		.active = ph->nused << PAGE_SHIFT,
		.dirty = pageheap_ndirty(ph) << PAGE_SHIFT,
		.mapped = ph->nchunks * CHUNK_BYTES,
		.nrefaults = pageheap_nrefaults(ph),
		.nlock_waits = lock_nwaits(&ph->lock),
		.purge = ph->purge,
	};
	lock_drop(&ph->lock, LOCK_PAGES);
	return p;
}

static uint64_t
shelf_lock_waits(const struct arena *a)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < NSHELVES; i++)
		n += lock_nwaits(&a->shelves[i].lock);
	return n;
}

/*
 * A run is on its shelf before it is counted, so that who takes it may be the
 * first to count: for a moment there are less than none.
 */
static size_t
shelf_bytes(const struct arena *a)
{
	size_t n = atomic_load_explicit(&a->shelf_bytes, memory_order_relaxed);

	return n > SIZE_MAX / 2 ? 0 : n;
}

/* Page runs by class: live and cached ones, until settle(). */
static void
add_runs(struct stats *sum, struct arena_stats *one, const struct arena *a)
{
	struct large_sum all = large_count(a);
	size_t shelved = shelf_bytes(a);

	for (unsigned i = 0; i < NSHELVES; i++) {
		size_t n = atomic_load_explicit(&a->runs[i].nblocks,
						memory_order_relaxed);

		sum->classes[CLASS_SLAB_MAX + 1 + i].nlive += n;
		if (one != NULL)
			one->classes[CLASS_SLAB_MAX + 1 + i].nlive = n;
	}
	sum->nlarge += all.nblocks;
	sum->large += all.npages << PAGE_SHIFT;
	sum->shelved += shelved;
	if (one == NULL)
		return;
	one->nlarge = all.nblocks;
	one->large_bytes = all.npages << PAGE_SHIFT;
	one->shelved = shelved;
}

static void
note_pages(struct arena_stats *one, const struct pages_stats *p,
	   uint64_t nwaits)
{
	one->active = p->active;
	one->dirty = p->dirty;
	one->mapped = p->mapped;
	one->clean = minus(p->mapped, p->active + p->dirty);
	one->purge = p->purge;
	one->nrefaults += p->nrefaults;
	one->nlock_waits += nwaits;
}

static void
add_arena(struct stats *sum, struct arena_stats *one, struct arena *a)
{
	struct pages_stats p;
	uint64_t nwaits;

	add_bins(sum, one, a);
	add_runs(sum, one, a);
	p = read_pages(&a->pages);
	nwaits = p.nlock_waits + shelf_lock_waits(a);
	sum->active += p.active;
	sum->dirty += p.dirty;
	sum->nrefaults += p.nrefaults;
	sum->nlock_waits += nwaits;
	purge_stats_add(&sum->purge, &p.purge);
	if (one != NULL)
		note_pages(one, &p, nwaits);
}

static void
add_pool(struct stats *sum, struct snapshot *parts)
{
	struct pagepool_stats pool;

	pagepool_stats(&pool);
	sum->mapped = pool.nchunks * CHUNK_BYTES;
	sum->dirty += pool.ndirty_pages << PAGE_SHIFT;
	purge_stats_add(&sum->purge, &pool.purge);
	if (parts == NULL)
		return;
	parts->npooled = pool.npooled;
	parts->pool_dirty = pool.ndirty_pages << PAGE_SHIFT;
}

/* --- caches --------------------------------------------------------------------- */

/* Where the looks at caches add up. */
struct look {
	struct stats *sum;
	struct snapshot *parts; /* or NULL */
	size_t nthreads_max;
};

/* Whose blocks they are: those in a cache may be any arena's. */
static void
count_owners(struct snapshot *parts, const struct cache_bin *b, unsigned cls)
{
	size_t n = cache_bin_count(b);

	for (size_t i = 1; i <= n; i++) {
		unsigned a = arena_index(arena_of(cache_bin_slots(b)[i]));

		if (a < parts->narenas)
			parts->arenas[a].classes[cls].ncached++;
	}
}

static size_t
count_blocks(const struct tcache *c, struct look *look)
{
	size_t bytes = 0;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		size_t n = cache_bin_count(&c->bins[cls]);

		if (n == 0)
			continue;
		look->sum->classes[cls].ncached += n;
		bytes += n * class_size(cls);
		if (look->parts != NULL)
			count_owners(look->parts, &c->bins[cls], cls);
	}
	return bytes;
}

static void
note_thread(struct look *look, const struct tcache *c, size_t cached)
{
	struct snapshot *parts = look->parts;
	unsigned a = arena_index(c->arena);
	uint64_t now_ns = look->sum->now_ns;

	if (a < parts->narenas)
		parts->arenas[a].nthreads++;
	if (parts->nthreads == look->nthreads_max)
		return;
	parts->threads[parts->nthreads++] = (struct thread_stats){
		.tid = c->tid,
		.arena = a,
		.cached = cached,
		.idle_ms = c->is_quiet && now_ns > c->quiet_ns
				   ? (now_ns - c->quiet_ns) / NS_PER_MS
				   : 0,
		.nfills = c->nfills,
		.nflushes = c->nflushes,
		.ndrains = c->ndrains,
		.is_parked = c->is_parked && c->is_quiet,
	};
}

static void
look_at_cache(const struct tcache *c, bool is_still, void *arg)
{
	struct look *look = arg;
	size_t cached = is_still ? count_blocks(c, look) : 0;

	if (look->parts != NULL && c->anchor != NULL)
		note_thread(look, c, cached);
}

static void
look_at_waiting(const void *p, unsigned cls, void *arg)
{
	struct look *look = arg;
	unsigned a;

	look->sum->classes[cls].nquarantined++;
	if (look->parts == NULL)
		return;
	a = arena_index(arena_of(p));
	if (a < look->parts->narenas)
		look->parts->arenas[a].classes[cls].nquarantined++;
}

/* --- sums ------------------------------------------------------------------------ */

/* What the blocks of some classes come to; bytes but for the two counts. */
struct classes_sum {
	size_t used, slabs, away, cached, quarantined;
	size_t ncached, nfree, nquarantined;
};

/* From what the slabs gave out and the caches hold, who has the rest. */
static struct classes_sum
settle(struct class_stats *classes)
{
	struct classes_sum sum = { 0 };

	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct class_stats *s = &classes[cls];
		size_t size = class_size(cls);
		size_t nout = s->ncached + s->nquarantined;

		sum.cached += s->ncached * size;
		sum.ncached += s->ncached;
		sum.quarantined += s->nquarantined * size;
		sum.nquarantined += s->nquarantined;
		if (!class_is_slab(cls)) {
			s->nlive = minus(s->nlive, nout);
			continue;
		}
		sum.used += s->nlive * size;
		sum.slabs += s->nslabs * (class_slab_npages(cls) << PAGE_SHIFT);
		sum.away += s->naway << PAGE_SHIFT;
		s->nfree = minus(s->nslabs * class_nslots(cls), s->nlive);
		s->nlive = minus(s->nlive, nout);
		sum.nfree += s->nfree;
	}
	return sum;
}

size_t
class_slack(unsigned cls, const struct class_stats *c)
{
	if (c->nslabs == 0)
		return 0;
	return c->nslabs * ((class_slab_npages(cls) << PAGE_SHIFT) -
			    class_nslots(cls) * class_size(cls));
}

static void
settle_sum(struct stats *out)
{
	struct classes_sum sum = settle(out->classes);

	out->cached = sum.cached;
	out->quarantined = sum.quarantined;
	out->cached_blocks = sum.ncached;
	out->quarantined_blocks = sum.nquarantined;
	out->slab_free_blocks = sum.nfree;
	/* Slabs may have gone since the bins were read. */
	out->slab_away = min_size(sum.away, out->active);
	out->slab_free = minus(sum.slabs, sum.used + sum.away);
	out->allocated = minus(sum.used + out->large,
			       sum.cached + sum.quarantined);
}

static void
settle_arena(struct arena_stats *a)
{
	struct classes_sum sum = settle(a->classes);

	a->cached = sum.cached;
	a->quarantined = sum.quarantined;
	a->slab_away = min_size(sum.away, a->active);
	a->slab_free = minus(sum.slabs, sum.used + sum.away);
	a->allocated = minus(sum.used + a->large_bytes,
			     sum.cached + sum.quarantined);
}

static void
add_trim(struct stats *out)
{
	struct trim_stats trim;

	trim_stats(&trim);
	out->has_trim_thread = trim.has_thread;
	out->trim_cpu_ns = trim.cpu_ns;
	reclaim_stats(&out->reclaim);
}

/* *out is all-zero; parts are NULL where only the sums are wanted. */
static void
collect(struct stats *out, struct snapshot *parts, size_t nthreads_max)
{
	struct look look = { out, parts, nthreads_max };
	size_t idle;

	out->now_ns = os_now_ns();
	drain_look(look_at_cache, &look);
	quarantine_look(look_at_waiting, &look);
	out->narenas = parts == NULL ? arena_count() : parts->narenas;
	for (unsigned i = 0; i < out->narenas; i++)
		add_arena(out, parts == NULL ? NULL : &parts->arenas[i],
			  &arenas[i]);
	add_pool(out, parts);
	settle_sum(out);
	for (unsigned i = 0; parts != NULL && i < parts->narenas; i++)
		settle_arena(&parts->arenas[i]);
	meta_usage(&out->metadata, &idle);
	out->nthreads = thread_count();
	add_trim(out);
	guard_stats(&out->guarded);
}

void
stats_take(struct stats *out)
{
	memset(out, 0, sizeof *out);
	collect(out, NULL, 0);
}

/* --- large blocks ------------------------------------------------------------- */

static unsigned
power_above(size_t n)
{
	return n <= 1 ? 0 : log2_floor(n - 1) + 1;
}

static void
add_large(struct snapshot *s, size_t bytes_each, size_t n, size_t bytes)
{
	struct large_stats *l = &s->large[power_above(bytes_each)];

	l->nblocks += n;
	l->bytes += bytes;
}

/* Those without a class are never cached. */
static void
add_spans(struct snapshot *s, const struct arena *a)
{
	for (unsigned i = 0; i < RUN_POWERS; i++) {
		const struct run_count *c = &a->spans[i];
		size_t n = atomic_load_explicit(&c->nblocks,
						memory_order_relaxed);
		size_t npages = atomic_load_explicit(&c->npages,
						     memory_order_relaxed);

		if (n > 0)
			add_large(s, PAGE_BYTES << i, n, npages << PAGE_SHIFT);
	}
}

static void
note_large(struct snapshot *s)
{
	for (unsigned cls = CLASS_SLAB_MAX + 1; cls <= CLASS_LARGE_MAX; cls++) {
		size_t n = s->sum.classes[cls].nlive;

		add_large(s, class_size(cls), n, n * class_size(cls));
	}
	for (unsigned i = 0; i < s->narenas; i++)
		add_spans(s, &arenas[i]);
}

/* --- the snapshot ------------------------------------------------------------------ */

static void
note_process(struct snapshot *s)
{
	uint64_t since = atomic_load_explicit(&boot_ns, memory_order_relaxed);

	s->pid = os_pid();
	s->time_ms = os_wall_ns() / NS_PER_MS;
	s->uptime_ms = ns_since(since, s->sum.now_ns) / NS_PER_MS;
	os_page_faults(&s->nminor_faults, &s->nmajor_faults);
}

/* Mapped memory reads as zero. The records follow each other. */
static struct snapshot *
make_snapshot(unsigned narenas, size_t nthreads_max)
{
	size_t head = align_up(sizeof(struct snapshot), QUANTUM_BYTES);
	size_t parts = align_up(narenas * sizeof(struct arena_stats),
				QUANTUM_BYTES);
	size_t bytes = align_up(
		head + parts + nthreads_max * sizeof(struct thread_stats),
		PAGE_BYTES);
	char *at = os_map(bytes);
	struct snapshot *s = (struct snapshot *)(void *)at;

	if (s == NULL)
		return NULL;
	s->bytes = bytes;
	s->narenas = narenas;
	s->arenas = (struct arena_stats *)(void *)(at + head);
	s->threads = (struct thread_stats *)(void *)(at + head + parts);
	for (unsigned i = 0; i < narenas; i++)
		s->arenas[i].index = i;
	return s;
}

struct snapshot *
snapshot_take(void)
{
	size_t nthreads_max = 2 * thread_count() + THREADS_SPARE;
	struct snapshot *s = make_snapshot(arena_count(), nthreads_max);

	if (s == NULL)
		return NULL;
	collect(&s->sum, s, nthreads_max);
	note_large(s);
	note_process(s);
	return s;
}

void
snapshot_free(struct snapshot *s)
{
	os_release(s, s->bytes);
}

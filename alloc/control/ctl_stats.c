/*
 * ctl_stats.c -- see ctl_stats.h: stats.*, of the snapshot that the epoch names.
 *
 * A snapshot is taken where nobody holds a lock, put in the place of the last
 * one under LOCK_CTL, and read under it; nothing else happens there.
 */
#include <errno.h>
#include <string.h>

#include "../heap/arena.h"
#include "../os/lock.h"
#include "../os/os.h"
#include "ctl_stats.h"

static struct {
	struct lock lock; /* LOCK_CTL */
	struct ctl_view *view;
	uint64_t epoch;
} ctl = { .epoch = 1 };

_Atomic size_t ctl_zero_reallocs;

void
ctl_lock(void)
{
	lock_take(&ctl.lock, LOCK_CTL);
}

void
ctl_unlock(void)
{
	lock_drop(&ctl.lock, LOCK_CTL);
}

/* --- from our figures to jemalloc's ---------------------------------------------- */

static void
note_bin(struct ctl_bin *out, const struct class_stats *s, struct bin *b)
{
	out->nmalloc = s->nfilled;
	out->ndalloc = s->nflushed;
	out->nfills = s->nfills;
	out->nflushes = s->nflushes;
	out->curregs = s->nlive + s->ncached;
	out->curslabs = s->nslabs;
	out->nlock_waits = s->nlock_waits;
	/* Relaxed: numbers for reports. */
	out->nslabs = atomic_load_explicit(&b->nslabs_made,
					   memory_order_relaxed);
	out->nonfull = atomic_load_explicit(&b->nlisted, memory_order_relaxed);
}

static void
add_bin(struct ctl_sizes *small, const struct ctl_bin *b, size_t allocated)
{
	small->allocated += allocated;
	small->nmalloc += b->nmalloc;
	small->ndalloc += b->ndalloc;
	small->nfills += b->nfills;
	small->nflushes += b->nflushes;
}

static void
note_sizes(struct ctl_arena *out, const struct arena_stats *s, struct arena *a)
{
	for (unsigned i = 0; i < CLASS_SLAB_MAX; i++) {
		const struct class_stats *c = &s->classes[i + 1];

		note_bin(&out->bins[i], c, &a->bins[i + 1]);
		add_bin(&out->small, &out->bins[i],
			c->nlive * class_size(i + 1));
	}
	out->large.allocated = s->allocated -
			       min_size(s->allocated, out->small.allocated);
	/* Relaxed: as above. */
	out->large.nmalloc = atomic_load_explicit(&a->nlarge_made,
						  memory_order_relaxed);
	out->large.ndalloc = out->large.nmalloc -
			     min_size(out->large.nmalloc, s->nlarge);
}

static void
note_pages(struct ctl_arena *out, const struct arena_stats *s)
{
	size_t away = min_size(s->active, s->slab_away + s->shelved);

	out->pactive = (s->active - away) >> PAGE_SHIFT;
	out->pdirty = (s->dirty + s->shelved) >> PAGE_SHIFT;
	out->mapped = s->active + s->dirty;
	out->retained = s->clean;
	out->resident = s->active - away + s->shelved + s->dirty;
	out->dirty_npurge = s->purge.ncalls;
	out->dirty_nmadvise = s->purge.nranges;
	out->dirty_purged = s->purge.npages;
}

/* All figures have 8 bytes. */
static void
add_arena(struct ctl_arena *sum, const struct ctl_arena *one)
{
	uint64_t *to = (uint64_t *)(void *)sum;
	const uint64_t *from = (const uint64_t *)(const void *)one;

	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

static_assert(sizeof(size_t) == sizeof(uint64_t), "sums are of 8 bytes");

/* What no arena has is everybody's: free chunks, pages in slabs, records. */
static void
note_all(struct ctl_view *v, const struct snapshot *s)
{
	struct ctl_arena *all = &v->arenas[v->narenas];
	size_t pool = s->npooled * CHUNK_BYTES;

	all->pdirty += s->pool_dirty >> PAGE_SHIFT;
	all->mapped += s->pool_dirty + s->sum.metadata;
	all->retained += pool - min_size(pool, s->pool_dirty);
	all->base = s->sum.metadata;
	all->resident += s->pool_dirty + s->sum.metadata;
	all->dirty_npurge = s->sum.purge.ncalls + s->sum.reclaim.slabs.ncalls;
	all->dirty_nmadvise = s->sum.purge.nranges +
			      s->sum.reclaim.slabs.nranges;
	all->dirty_purged = s->sum.purge.npages + s->sum.reclaim.slabs.npages;
	v->active = all->pactive << PAGE_SHIFT;
	v->resident = all->resident;
	v->mapped = all->mapped;
	v->retained = all->retained;
}

static void
note_trim(struct ctl_view *v, const struct snapshot *s)
{
	uint64_t nticks = s->sum.reclaim.nticks;

	v->uptime_ms = s->uptime_ms;
	v->num_threads = s->sum.has_trim_thread;
	v->run_interval_ns = nticks == 0 ? 0 : s->uptime_ms * 1000000 / nticks;
}

static void
fill_view(struct ctl_view *v, const struct snapshot *s)
{
	v->sum = s->sum;
	v->narenas = s->narenas;
	for (unsigned i = 0; i < s->narenas; i++) {
		struct ctl_arena *a = &v->arenas[i];

		a->nthreads = s->arenas[i].nthreads;
		a->tcache_bytes = s->arenas[i].cached;
		note_sizes(a, &s->arenas[i], &arenas[i]);
		note_pages(a, &s->arenas[i]);
		add_arena(&v->arenas[v->narenas], a);
	}
	note_all(v, s);
	note_trim(v, s);
	for (unsigned i = 0; i <= v->narenas; i++)
		v->arenas[i].uptime_ns = s->uptime_ms * 1000000;
	for (unsigned i = 0; i < CTL_NLEXTENTS; i++)
		v->lextents[i] = s->large[i + CTL_LEXTENT_FIRST].nblocks;
}

/* --- the epoch --------------------------------------------------------------------- */

static struct ctl_view *
view_take(void)
{
	struct snapshot *s = snapshot_take();
	struct ctl_view *v = NULL;
	size_t bytes;

	if (s == NULL)
		return NULL;
	bytes = align_up(sizeof *v + (s->narenas + 1) * sizeof v->arenas[0],
			 PAGE_BYTES);
	v = os_map(bytes);
	if (v != NULL) {
		v->bytes = bytes;
		fill_view(v, s);
	}
	snapshot_free(s);
	return v;
}

/* A new snapshot for a new epoch; only_first: unless there is one. */
static int
refresh(bool only_first)
{
	struct ctl_view *v = view_take(), *old;

	if (v == NULL)
		return EAGAIN;
	ctl_lock();
	old = ctl.view;
	if (only_first && old != NULL) {
		old = v;
	} else {
		ctl.view = v;
		ctl.epoch += !only_first;
	}
	ctl_unlock();
	if (old != NULL)
		os_release(old, old->bytes);
	return 0;
}

/* The snapshot, and LOCK_CTL until ctl_unlock(); NULL, and no lock: no memory. */
static const struct ctl_view *
view_lock(void)
{
	for (;;) {
		ctl_lock();
		if (ctl.view != NULL)
			return ctl.view;
		ctl_unlock();
		if (refresh(true) != 0)
			return NULL;
	}
}

int
ctl_epoch_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	ctl_lock();
	v->u64 = ctl.epoch;
	ctl_unlock();
	return 0;
}

int
ctl_epoch_write(const struct ctl_call *c UNUSED,
		const union ctl_value *v UNUSED)
{
	return refresh(false);
}

/* --- handlers ----------------------------------------------------------------------- */

static void
take_figure(const struct ctl_call *c, const void *record, union ctl_value *v)
{
	memcpy(v, (const char *)record + c->row->arg,
	       ctl_type_bytes(c->row->type));
}

int
ctl_figure(const struct ctl_call *c, union ctl_value *v)
{
	const struct ctl_view *view = view_lock();

	if (view == NULL)
		return EAGAIN;
	take_figure(c, view, v);
	ctl_unlock();
	return 0;
}

int
ctl_class_figure(const struct ctl_call *c, union ctl_value *v)
{
	const struct ctl_view *view = view_lock();

	if (view == NULL)
		return EAGAIN;
	take_figure(c, &view->sum.classes[c->index[0] + 1], v);
	ctl_unlock();
	return 0;
}

/* The kernel is asked at each such question, about now. */
int
ctl_kernel_figure(const struct ctl_call *c, union ctl_value *v)
{
	struct stats now;

	stats_take(&now);
	stats_ask_kernel(&now);
	if (!now.has_residence)
		return ENOENT;
	take_figure(c, &now, v);
	return 0;
}

/* An arena of the snapshot, locked; an error, and not: it is not in there. */
static int
arena_lock(size_t index, const struct ctl_arena **a)
{
	const struct ctl_view *view = view_lock();

	if (view == NULL)
		return EAGAIN;
	if (index != CTL_ARENAS_ALL && index >= view->narenas) {
		ctl_unlock();
		return ENOENT;
	}
	*a = &view->arenas[index == CTL_ARENAS_ALL ? view->narenas : index];
	return 0;
}

int
ctl_arena_figure(const struct ctl_call *c, union ctl_value *v)
{
	const struct ctl_arena *a;
	int err = arena_lock(c->index[0], &a);

	if (err != 0)
		return err;
	take_figure(c, a, v);
	ctl_unlock();
	return 0;
}

int
ctl_bin_figure(const struct ctl_call *c, union ctl_value *v)
{
	const struct ctl_arena *a;
	int err = arena_lock(c->index[0], &a);

	if (err != 0)
		return err;
	take_figure(c, &a->bins[c->index[1]], v);
	ctl_unlock();
	return 0;
}

int
ctl_lextent_figure(const struct ctl_call *c, union ctl_value *v)
{
	const struct ctl_view *view;

	/* They are counted by size for all arenas at once. */
	if (c->index[0] != CTL_ARENAS_ALL)
		return ENOENT;
	view = view_lock();
	if (view == NULL)
		return EAGAIN;
	v->size = view->lextents[c->index[1]];
	ctl_unlock();
	return 0;
}

int
ctl_zero_reallocs_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	/* Relaxed: a number for reports. */
	v->size = atomic_load_explicit(&ctl_zero_reallocs,
				       memory_order_relaxed);
	return 0;
}

/*
 * explicit.c -- see explicit.h.
 */
#include "../base/check.h"
#include "../heap/direct.h"
#include "../pages/bell.h"
#include "../pages/meta.h"
#include "closing.h"
#include "explicit.h"
#include "stack.h"
#include "thread.h"

/* The most that one fill takes. */
#define FILL_MAX 64u

/*
 * Records, from the first on. Relaxed where LOCK_ROUND is held, which orders
 * the writers.
 */
static _Atomic(struct explicit_cache *) all[EXPLICIT_MAX];
static _Atomic unsigned nmade;

static struct explicit_cache *
record(unsigned index)
{
	/* Acquire: pairs with the release in record_make(). */
	return atomic_load_explicit(&all[index], memory_order_acquire);
}

static bool
is_live(const struct explicit_cache *e)
{
	/* Relaxed: whoever uses it asks again under its lock. */
	return atomic_load_explicit(&e->is_live, memory_order_relaxed);
}

static void
set_live(struct explicit_cache *e, bool is)
{
	atomic_store_explicit(&e->is_live, is, memory_order_relaxed);
}

struct explicit_cache *
explicit_find(unsigned index)
{
	struct explicit_cache *e;

	if (index >= EXPLICIT_MAX)
		return NULL;
	e = record(index);
	return e != NULL && is_live(e) ? e : NULL;
}

struct explicit_cache *
explicit_next(unsigned *at)
{
	if (*at >= atomic_load_explicit(&nmade, memory_order_relaxed))
		return NULL;
	return record((*at)++);
}

static void
take(struct explicit_cache *e)
{
	lock_take(&e->cache.lock, LOCK_CACHE);
}

static void
drop(struct explicit_cache *e)
{
	lock_drop(&e->cache.lock, LOCK_CACHE);
}

/* --- making and ending ------------------------------------------------------ */

/* LOCK_ROUND is held. */
static struct explicit_cache *
record_make(unsigned index, struct arena *a)
{
	struct explicit_cache *e;

	if (index == EXPLICIT_MAX)
		return NULL;
	e = meta_alloc(sizeof *e);
	if (e == NULL)
		return NULL;
	cache_init(&e->cache, a);
	set_live(e, true);
	/* Release: pairs with the acquire in record(). */
	atomic_store_explicit(&all[index], e, memory_order_release);
	atomic_store_explicit(&nmade, index + 1, memory_order_relaxed);
	return e;
}

/* LOCK_ROUND is held. */
static bool
revive(struct explicit_cache *e, struct arena *a)
{
	bool was_live;

	take(e);
	was_live = is_live(e);
	if (!was_live) {
		e->cache.arena = a;
		set_live(e, true);
	}
	drop(e);
	return !was_live;
}

bool
explicit_make(unsigned *index)
{
	struct arena *a = cache_arena();
	struct explicit_cache *e;
	unsigned at = 0;

	thread_begin_round();
	while ((e = explicit_next(&at)) != NULL) {
		if (revive(e, a))
			break;
	}
	*index = e != NULL ? at - 1 : at;
	if (e == NULL)
		e = record_make(at, a);
	thread_end_round();
	return e != NULL;
}

static bool
empty(unsigned index, bool for_good)
{
	struct explicit_cache *e = explicit_find(index);
	bool was_live;

	if (e == NULL)
		return false;
	take(e);
	was_live = is_live(e);
	if (was_live)
		cache_empty(&e->cache);
	if (was_live && for_good) {
		cache_strip(&e->cache);
		set_live(e, false);
	}
	drop(e);
	bell_ring();
	return was_live;
}

bool
explicit_flush(unsigned index)
{
	return empty(index, false);
}

bool
explicit_end(unsigned index)
{
	return empty(index, true);
}

void
explicit_leave(const struct arena *a, bool for_good)
{
	struct explicit_cache *e;
	unsigned at = 0;

	thread_begin_round();
	while ((e = explicit_next(&at)) != NULL) {
		take(e);
		if (e->cache.arena == a) {
			cache_empty(&e->cache);
			if (for_good)
				e->cache.arena = &arenas[0];
		}
		drop(e);
	}
	thread_end_round();
}

/* --- blocks ------------------------------------------------------------------ */

static void
take_live(struct explicit_cache *e)
{
	take(e);
	ensure(is_live(e), "a thread cache was destroyed while it was used");
}

/* The arena to take from; what is another one's leaves. */
static struct arena *
be_of_locked(struct explicit_cache *e, struct arena *a)
{
	if (a != NULL && a != e->cache.arena) {
		cache_empty(&e->cache);
		e->cache.arena = a;
	}
	return e->cache.arena;
}

static void *
pop_locked(struct cache_bin *b)
{
	void *p = *b->top;

	if (p != NULL)
		b->top--;
	return p;
}

/* How many blocks to get, one of them for the program. */
static size_t
wanted_locked(struct explicit_cache *e, struct cache_bin *b, unsigned cls)
{
	b->is_filled = true;
	stack_grow(&e->cache, b, cls);
	e->cache.nfills++;
	return min_size((b->depth + 1u) / 2 + 1, FILL_MAX);
}

/* Keeps what there is room for, if the cache is still that arena's. */
static size_t
keep(struct explicit_cache *e, const struct arena *a, unsigned cls,
     void **blocks, size_t n)
{
	struct cache_bin *b = &e->cache.bins[cls];

	take(e);
	while (n > 0 && is_live(e) && e->cache.arena == a && b->top != b->limit)
		*++b->top = blocks[--n];
	drop(e);
	return n;
}

/* No lock is held: the arena's hooks may allocate (pages/hooks.h). */
static void *
fill(struct explicit_cache *e, struct arena *a, unsigned cls, size_t n)
{
	void *blocks[FILL_MAX];
	size_t got = bin_fill(&a->bins[cls], &a->pages, cls, blocks, n);

	if (got == 0)
		return NULL;
	bin_flush(blocks, keep(e, a, cls, blocks, got - 1));
	return blocks[got - 1];
}

void *
explicit_alloc(struct explicit_cache *e, struct arena *a, unsigned cls,
	       bool *is_zero)
{
	struct cache_bin *b = &e->cache.bins[cls];
	size_t n = 0;
	void *p;

	*is_zero = false;
	take_live(e);
	a = be_of_locked(e, a);
	p = pop_locked(b);
	if (p == NULL && class_is_slab(cls) && cache_use != CACHES_PASSED_BY)
		n = wanted_locked(e, b, cls);
	drop(e);
	bell_ring();
	if (p != NULL)
		return p;
	return n > 0 ? fill(e, a, cls, n) : direct_alloc(a, cls, is_zero);
}

void
explicit_free(struct explicit_cache *e, void *p, unsigned cls)
{
	struct cache_bin *b = &e->cache.bins[cls];
	bool is_kept;

	take_live(e);
	is_kept = cls != CLASS_RUN && cache_use != CACHES_PASSED_BY &&
		  arena_of(p) == e->cache.arena &&
		  (b->top != b->limit || stack_make_room(&e->cache, b, cls));
	if (is_kept)
		*++b->top = p;
	drop(e);
	if (!is_kept)
		direct_free(p, cls);
	bell_ring();
}

/* --- fork ---------------------------------------------------------------------- */

void
explicit_hold_all(void)
{
	struct explicit_cache *e;
	unsigned at = 0;

	while ((e = explicit_next(&at)) != NULL)
		lock_take_another(&e->cache.lock, LOCK_CACHE);
}

void
explicit_release_all(void)
{
	struct explicit_cache *e;
	unsigned at = 0;

	while ((e = explicit_next(&at)) != NULL)
		drop(e);
}

/*
 * tcache.c -- see tcache.h: birth and end, quiet bins, closing, fill and flush.
 */
#include <string.h>

#include "../base/options.h"
#include "../heap/direct.h"
#include "../os/guarded.h"
#include "../pages/bell.h"
#include "closing.h"
#include "sample.h"
#include "stack.h"
#include "thread.h"

/* The most that one fill takes: its bin's lock is held so long. */
#define FILL_MAX 256u

/* Empty for malloc, full for free. */
static void *nothing[1];

enum cache_use cache_use;

struct tcache tcache_closed = {
	.bins = { [0 ... NCLASSES - 1] = { .top = nothing, .limit = nothing } },
};

_Thread_local struct anchor tcache_anchor TLS_INITIAL_EXEC = {
	.cache = &tcache_closed,
};

/* --- birth of a cache, and its end ------------------------------------------ */

static void
bin_reset(struct cache_bin *b, unsigned cls)
{
	b->top = b->limit = nothing;
	b->depth = b->capacity = 0;
	b->mood = 0;
	b->is_filled = false;
	b->magic = b->remainder = class_shapes[cls].magic;
	b->mask = class_shapes[cls].mask;
}

/* Bins as they are at birth, to be copied. */
static struct cache_bin blank[NCLASSES];

void
cache_boot(void)
{
	for (unsigned cls = 0; cls < NCLASSES; cls++)
		bin_reset(&blank[cls], cls);
}

void
cache_init(struct tcache *c, struct arena *a)
{
	memset(c, 0, sizeof *c);
	memcpy(c->bins, blank, sizeof blank);
	c->arena = a;
}

void
cache_empty(struct tcache *c)
{
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];
		size_t n = cache_bin_count(b);

		if (n == 0)
			continue;
		stack_flush(b, cls, n);
		c->nflushes++;
	}
}

/*
 * Where the stack ends and with what. A stack that ends a tick as it ended the
 * last one is taken for a quiet one, such as that of a thread which allocates
 * and frees one block all the time: that costs it a fill.
 */
ALWAYS_INLINE uint16_t
mood(const struct cache_bin *b)
{
	uint32_t n = (uint32_t)((uintptr_t)b->top >> 3) * 31 +
		     (uint32_t)((uintptr_t)*b->top >> 4);

	return (uint16_t)(n ^ n >> 16);
}

/*
 * Reads what the owner may be writing, which is what TSan would say. A pointer
 * is read whole, the array it points into is freed under the lock alone, and a
 * torn pair of the two gives a mood that was nobody's: a bin looks active for
 * a tick more, or quiet and is looked at again when the cache is closed.
 */
NOINLINE __attribute__((no_sanitize("thread"))) bool
cache_looks_active(struct tcache *c)
{
	uint16_t moods[CLASS_RUN];
	bool is_active = false;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];

		moods[cls] = b->mood;
		if (b->depth == 0)
			continue;
		moods[cls] = mood(b);
		if (moods[cls] == b->mood)
			return false;
		is_active = true;
	}
	for (unsigned cls = 1; is_active && cls < CLASS_RUN; cls++)
		c->bins[cls].mood = moods[cls];
	return is_active;
}

bool
cache_empty_quiet(struct tcache *c)
{
	bool has_others = false;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];

		if (b->depth == 0)
			continue;
		if (b->mood == mood(b)) {
			stack_flatten(c, b, cls);
			c->nflushes++;
		} else {
			b->mood = mood(b);
			has_others = true;
		}
	}
	return has_others;
}

void
cache_strip(struct tcache *c)
{
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];

		if (b->capacity == 0)
			continue;
		stack_strip(b);
		*b = blank[cls];
	}
	c->slab_budget = 0;
	c->large_budget = 0;
}

bool
cache_holds(const struct tcache *c, const void *p, unsigned cls)
{
	const struct cache_bin *b = &c->bins[cls];
	size_t n = cache_bin_count(b);

	for (size_t i = 1; i <= n; i++) {
		if (cache_bin_slots(b)[i] == p)
			return true;
	}
	return false;
}

/* --- closing ----------------------------------------------------------------- */

void
cache_open(struct tcache *c)
{
	c->is_parked = false;
	c->is_quiet = false;
	/* Release: pairs with the acquire in cache_enter(). */
	atomic_store_explicit(&c->anchor->cache, c, memory_order_release);
}

void
cache_close_begin(struct tcache *c)
{
	/* Relaxed: the membarrier orders it, see tcache.h. */
	if (!c->is_parked)
		atomic_store_explicit(&c->anchor->cache, &tcache_closed,
				      memory_order_relaxed);
}

static bool
is_busy(const struct tcache *c)
{
	/* Acquire: pairs with the release in cache_leave(). */
	return atomic_load_explicit(&c->anchor->busy, memory_order_acquire) !=
	       0;
}

void
cache_close_end(struct tcache *c, bool had_membarrier)
{
	c->is_parked = c->is_parked || (had_membarrier && !is_busy(c));
}

/* Relaxed: what the kernel said last, a hint. */
static _Atomic bool barrier_failed;

bool
cache_barrier_failed(void)
{
	return atomic_load_explicit(&barrier_failed, memory_order_relaxed);
}

static bool
barrier(void)
{
	bool ok = os_membarrier();

	if (cache_barrier_failed() == ok)
		atomic_store_explicit(&barrier_failed, !ok,
				      memory_order_relaxed);
	return ok;
}

bool
cache_close(struct tcache *c)
{
	if (c->is_parked)
		return true;
	cache_close_begin(c);
	c->is_parked = barrier() && !is_busy(c);
	if (!c->is_parked)
		/* Release: pairs with the acquire in cache_enter(). */
		atomic_store_explicit(&c->anchor->cache, c,
				      memory_order_release);
	return c->is_parked;
}

void
cache_close_own(struct tcache *c)
{
	/* Relaxed: read by this thread, and by those that take the lock. */
	atomic_store_explicit(&c->anchor->cache, &tcache_closed,
			      memory_order_relaxed);
	c->is_parked = true;
	c->is_quiet = false;
}

struct tcache *
cache_lock_own(void)
{
	struct tcache *c = cache_own();

	if (c == NULL)
		return NULL;
	lock_take(&c->lock, LOCK_CACHE);
	if (tcache_anchor.counts != NULL || arena_is_apart(c->arena) ||
	    c->sampling.burst > 0 || cache_use != CACHES_OPEN)
		cache_close_own(c);
	else if (c->is_parked)
		cache_open(c);
	return c;
}

/*
 * Locks the calling thread's cache for a slow path; NULL where it uses none:
 * before its birth, after its death, when there was no memory for one, while
 * its arena is one apart, and where no thread uses one.
 */
static struct tcache *
own_lock(void)
{
	struct tcache *c = cache_own();

	if (c == NULL || arena_is_apart(c->arena) ||
	    cache_use == CACHES_PASSED_BY)
		return NULL;
	return cache_lock_own();
}

struct tcache *
cache_own(void)
{
	if (tcache_anchor.phase == PHASE_UNBORN)
		thread_birth();
	return tcache_anchor.phase == PHASE_LIVE ? tcache_anchor.own : NULL;
}

struct arena *
cache_arena(void)
{
	struct tcache *c = cache_own();

	if (c == NULL || (arena_is_apart(c->arena) && hooks_are_called()))
		return &arenas[0];
	return c->arena;
}

/* --- malloc ------------------------------------------------------------------- */

static void
shuffle(void **blocks, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)(os_random() % i);
		void *p = blocks[j];

		blocks[j] = blocks[i - 1];
		blocks[i - 1] = p;
	}
}

/* Half of the depth, so that frees to come have room as well. */
static void
fill(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	size_t want, got;

	b->is_filled = true;
	stack_grow(c, b, cls);
	c->nfills++;
	if (b->depth == 0)
		return;
	want = min_size((b->depth + 1u) / 2, FILL_MAX);
	if (guard_is_on())
		want = sample_limit(c, want);
	got = bin_fill(&c->arena->bins[cls], &c->arena->pages, cls, b->top + 1,
		       want);
	if (option(randomize))
		shuffle(b->top + 1, got);
	b->top += got;
	if (guard_is_on())
		sample_filled(c, cls, got);
}

static void *
pop(struct cache_bin *b)
{
	void *p = *b->top;

	if (p != NULL)
		b->top--;
	return p;
}

void *
cache_alloc(unsigned cls, bool *is_zero)
{
	struct tcache *c = own_lock();
	struct cache_bin *b;
	void *p;

	*is_zero = false;
	if (c == NULL)
		return direct_alloc(cache_arena(), cls, is_zero);
	b = &c->bins[cls];
	p = pop(b);
	if (p == NULL && class_is_slab(cls)) {
		fill(c, b, cls);
		p = pop(b);
	}
	lock_drop(&c->lock, LOCK_CACHE);
	bell_ring();
	/* No array, or a page run that no stack held. */
	return p != NULL ? p : direct_alloc(c->arena, cls, is_zero);
}

/* --- free ---------------------------------------------------------------------- */

void
cache_free(void *p, unsigned cls)
{
	struct tcache *c = own_lock();
	struct cache_bin *b;
	bool pushed;

	if (c == NULL) {
		direct_free(p, cls);
		bell_ring();
		return;
	}
	sample_freed(c);
	b = &c->bins[cls];
	pushed = b->top != b->limit || stack_make_room(c, b, cls);
	if (pushed)
		*++b->top = p;
	lock_drop(&c->lock, LOCK_CACHE);
	if (!pushed)
		direct_free(p, cls);
	bell_ring();
}

/*
 * tcache.c -- see tcache.h: fill, flush, and how deep a stack may be.
 *
 * Depth is adaptive. A bin begins without an array. Each miss of malloc and
 * each overflow of free doubles its depth, up to a bound in bytes: a thread
 * that allocates once keeps a handful of blocks, a busy one hundreds. Page
 * runs are cached one by one within a budget of bytes for the whole thread.
 */
#include <string.h>

#include "../base/options.h"
#include "../heap/large.h"
#include "../pages/bell.h"
#include "../pages/meta.h"
#include "tcache.h"
#include "thread.h"

/* A first array: one cache line of slots. */
#define CAPACITY_MIN 7u
#define CAPACITY_MAX 1023u

/* The most that one fill takes: its bin's lock is held so long. */
#define FILL_MAX 256u

/*
 * What all caches may hold in slots and in page runs: each cache's share falls
 * with the number of threads, and one that has more than its share is cut at
 * the next tick. One bin gets a part of it. Beyond the share each bin of
 * blocks up to FLOOR_SIZE_MAX may have what it begins with: FLOOR_BYTES in all.
 */
#define SLAB_BYTES_ALL (64 * MIB)
#define SLAB_BYTES_MIN (16 * KIB)
#define FLOOR_SIZE_MAX (1 * KIB)
#define FLOOR_BYTES    (20 * KIB)
#define SLAB_BYTES_MAX (2 * MIB)
#define SLAB_BIN_PART  16

/* The same for blocks that a thread only frees. */
#define ONE_WAY_BYTES (32 * KIB)
#define ONE_WAY_MAX   127u

#define LARGE_BYTES_ALL (16 * MIB)

/* Page runs one bin may hold: what a Deflater allocates, twice. */
#define LARGE_DEPTH_MAX 8u

/* Empty for malloc, full for free. */
static void *nothing[1];

struct tcache tcache_closed = {
	.bins = { [0 ... NCLASSES - 1] = { .top = nothing, .limit = nothing } },
};

_Thread_local struct anchor tcache_anchor TLS_INITIAL_EXEC = {
	.cache = &tcache_closed,
};

/* --- arrays ---------------------------------------------------------------- */

static size_t
array_bytes(unsigned capacity)
{
	return (capacity + 1) * sizeof(void *);
}

static size_t
share(size_t all, size_t least, size_t most)
{
	size_t bytes = all / max_size(thread_count(), 1);

	return max_size(least, min_size(bytes, most));
}

static size_t
slab_share(void)
{
	return share(SLAB_BYTES_ALL, SLAB_BYTES_MIN, SLAB_BYTES_MAX);
}

/*
 * What a bin begins with, and may have whatever the budget says. A first fill
 * takes half of it: more would spread what a thread touches over more pages
 * than it needs.
 */
static unsigned
depth_min(unsigned cls)
{
	return class_size(cls) <= 128 ? CAPACITY_MIN : 1;
}

static size_t
large_share(void)
{
	return share(LARGE_BYTES_ALL, 0, (size_t)option(tcache_large));
}

static unsigned
depth_max(unsigned cls)
{
	size_t fits = slab_share() / SLAB_BIN_PART / class_size(cls);

	if (class_size(cls) > (size_t)option(tcache_max))
		return 0;
	return (unsigned)max_size(depth_min(cls), min_size(fits, CAPACITY_MAX));
}

static void
set_depth(struct cache_bin *b, unsigned depth)
{
	b->limit = cache_bin_slots(b) + depth;
	b->depth = (uint16_t)depth;
}

/* An array for `capacity` blocks, with what the old one held. */
static bool
resize_array(struct cache_bin *b, unsigned capacity)
{
	size_t n = cache_bin_count(b);
	void **slots = meta_alloc(array_bytes(capacity));

	if (slots == NULL)
		return false;
	memcpy(slots, cache_bin_slots(b), (n + 1) * sizeof slots[0]);
	if (b->capacity > 0)
		meta_free(cache_bin_slots(b), array_bytes(b->capacity));
	b->limit = slots + b->depth;
	b->top = slots + n;
	b->capacity = capacity & 0x7fff;
	return true;
}

/* Lets a bin hold `depth` blocks; false where there is no memory for it. */
static bool
deepen(struct cache_bin *b, unsigned depth)
{
	unsigned capacity = b->capacity;

	if (capacity == 0)
		capacity = CAPACITY_MIN;
	while (capacity < depth)
		capacity = capacity * 2 + 1;
	if (capacity != b->capacity && !resize_array(b, capacity))
		return false;
	set_depth(b, depth);
	return true;
}

/*
 * Blocks that a thread frees and does not allocate itself are of no use to it:
 * enough of them to give them back in batches.
 */
static unsigned
depth_one_way(unsigned cls)
{
	size_t fits = ONE_WAY_BYTES / class_size(cls);

	return (unsigned)max_size(depth_min(cls), min_size(fits, ONE_WAY_MAX));
}

/* Whether a bin may grow whatever the budget says. */
static bool
is_floor(const struct cache_bin *b, unsigned cls)
{
	return class_size(cls) <= FLOOR_SIZE_MAX && b->depth < depth_min(cls);
}

/* After a miss or an overflow: twice as deep, within bound and budget. */
static void
grow(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	unsigned depth = b->depth == 0 ? depth_min(cls) : b->depth * 2u + 1;
	size_t more;

	depth = (unsigned)min_size(depth, depth_max(cls));
	if (!b->is_filled)
		depth = (unsigned)min_size(depth, depth_one_way(cls));
	if (depth <= b->depth)
		return;
	more = (depth - b->depth) * class_size(cls);
	if (c->slab_budget + more > slab_share() && !is_floor(b, cls))
		return;
	if (deepen(b, depth))
		c->slab_budget += more;
}

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

/* Bins as they are at birth: copied, for a division each is dear. */
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

static void
flush_lowest(struct cache_bin *b, unsigned cls, size_t n)
{
	void **slots = cache_bin_slots(b);
	size_t rest = cache_bin_count(b) - n;

	if (class_is_slab(cls)) {
		bin_flush(slots + 1, n);
	} else {
		for (size_t i = 1; i <= n; i++)
			large_free(slots[i]);
	}
	memmove(slots + 1, slots + 1 + n, rest * sizeof slots[0]);
	b->top = slots + rest;
}

void
cache_empty(struct tcache *c)
{
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];
		size_t n = cache_bin_count(b);

		if (n == 0)
			continue;
		flush_lowest(b, cls, n);
		c->nflushes++;
	}
}

/* Takes a bin's depth, and what it stands for in the budget. */
static void
flatten(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	size_t bytes = b->depth * class_size(cls);

	if (cache_bin_count(b) > 0)
		flush_lowest(b, cls, cache_bin_count(b));
	*(class_is_slab(cls) ? &c->slab_budget : &c->large_budget) -= bytes;
	set_depth(b, 0);
	b->is_filled = false;
	b->mood = 0;
}

/*
 * Where the stack ends and with what. One in 65,536 active stacks is taken for
 * a quiet one, which costs it a fill.
 */
static uint16_t
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
			flatten(c, b, cls);
			c->nflushes++;
		} else {
			b->mood = mood(b);
			has_others = true;
		}
	}
	return has_others;
}

bool
cache_is_over(const struct tcache *c)
{
	return c->slab_budget > slab_share() + FLOOR_BYTES ||
	       c->large_budget > large_share();
}

void
cache_shrink(struct tcache *c)
{
	for (unsigned cls = CLASS_LARGE_MAX; cls > 0; cls--) {
		bool is_over = class_is_slab(cls)
				       ? c->slab_budget > slab_share()
				       : c->large_budget > large_share();

		if (is_over && c->bins[cls].depth > 0) {
			flatten(c, &c->bins[cls], cls);
			c->nflushes++;
		}
	}
}

void
cache_strip(struct tcache *c)
{
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		struct cache_bin *b = &c->bins[cls];

		if (b->capacity == 0)
			continue;
		meta_free(cache_bin_slots(b), array_bytes(b->capacity));
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

bool
cache_close(struct tcache *c)
{
	if (c->is_parked)
		return true;
	cache_close_begin(c);
	c->is_parked = os_membarrier() && !is_busy(c);
	if (!c->is_parked)
		/* Release: pairs with the acquire in cache_enter(). */
		atomic_store_explicit(&c->anchor->cache, c,
				      memory_order_release);
	return c->is_parked;
}

/*
 * Locks the calling thread's cache for a slow path; NULL where it has none:
 * before its birth, after its death, or when there was no memory for one.
 */
static struct tcache *
own_lock(void)
{
	struct tcache *c = cache_own();

	if (c == NULL)
		return NULL;
	lock_take(&c->lock, LOCK_CACHE);
	if (c->is_parked)
		cache_open(c);
	return c;
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

	return c == NULL ? &arenas[0] : c->arena;
}

/* --- malloc ------------------------------------------------------------------- */

static void *
run_alloc(struct arena *a, unsigned cls, bool *is_zero)
{
	return large_alloc(a, class_size(cls) >> PAGE_SHIFT, PAGE_BYTES, cls,
			   is_zero);
}

static void *
arena_alloc(struct arena *a, unsigned cls, bool *is_zero)
{
	void *p;

	if (!class_is_slab(cls))
		return run_alloc(a, cls, is_zero);
	return bin_fill(&a->bins[cls], &a->pages, cls, &p, 1) == 1 ? p : NULL;
}

/* Half of the depth, so that frees to come have room as well. */
static void
fill(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	size_t got;

	b->is_filled = true;
	grow(c, b, cls);
	c->nfills++;
	if (b->depth == 0)
		return;
	got = bin_fill(&c->arena->bins[cls], &c->arena->pages, cls, b->top + 1,
		       min_size((b->depth + 1u) / 2, FILL_MAX));
	b->top += got;
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
		return arena_alloc(&arenas[0], cls, is_zero);
	b = &c->bins[cls];
	p = pop(b);
	if (p == NULL && class_is_slab(cls)) {
		fill(c, b, cls);
		p = pop(b);
	}
	lock_drop(&c->lock, LOCK_CACHE);
	bell_ring();
	/* No array, or a page run that no stack held. */
	return p != NULL ? p : arena_alloc(c->arena, cls, is_zero);
}

/* --- free ---------------------------------------------------------------------- */

/* Empties one large bin that stands in the way of another. True if it did. */
static bool
give_up_budget(struct tcache *c, unsigned keep)
{
	for (unsigned i = CLASS_SLAB_MAX + 1; i <= CLASS_LARGE_MAX; i++) {
		unsigned cls = CLASS_SLAB_MAX + 1 +
			       c->hand++ % (CLASS_LARGE_MAX - CLASS_SLAB_MAX);
		struct cache_bin *b = &c->bins[cls];

		if (cls == keep || b->depth == 0)
			continue;
		flatten(c, b, cls);
		return true;
	}
	return false;
}

/* One more page run of this class, if the thread's budget has room for it. */
static bool
grow_large(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	size_t size = class_size(cls);
	size_t max = large_share();

	if (b->depth == LARGE_DEPTH_MAX || size > max ||
	    size > (size_t)option(tcache_max))
		return false;
	while (c->large_budget + size > max) {
		if (!give_up_budget(c, cls))
			return false;
	}
	if (!deepen(b, b->depth + 1u))
		return false;
	c->large_budget += size;
	return true;
}

/* Makes room for one block; false where the bin can have none. */
static bool
make_room(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	if (class_is_slab(cls)) {
		grow(c, b, cls);
		if (b->top == b->limit && b->depth > 0)
			flush_lowest(b, cls, (b->depth + 1u) / 2);
	} else if (!grow_large(c, b, cls) && b->depth > 0) {
		flush_lowest(b, cls, 1);
	}
	c->nflushes++;
	return b->top != b->limit;
}

static void
arena_free(void *p, unsigned cls)
{
	if (class_is_slab(cls))
		bin_flush(&p, 1);
	else
		large_free(p);
}

void
cache_free(void *p, unsigned cls)
{
	struct tcache *c = own_lock();
	struct cache_bin *b;
	bool pushed;

	if (c == NULL) {
		arena_free(p, cls);
		bell_ring();
		return;
	}
	b = &c->bins[cls];
	pushed = b->top != b->limit || make_room(c, b, cls);
	if (pushed)
		*++b->top = p;
	lock_drop(&c->lock, LOCK_CACHE);
	if (!pushed)
		arena_free(p, cls);
	bell_ring();
}

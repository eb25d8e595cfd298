/*
 * stack.c -- see stack.h.
 */
#include <string.h>

#include "../base/options.h"
#include "../heap/large.h"
#include "../pages/bell.h"
#include "../pages/meta.h"
#include "stack.h"
#include "thread.h"

/* A first array: one cache line of slots. */
#define CAPACITY_MIN 7u
#define CAPACITY_MAX 1023u

/*
 * What all caches may hold in slots and in page runs: each cache's share falls
 * with the number of threads, and one that has more than its share is cut at
 * the next tick. One bin gets a part of it. Beyond the share each bin of
 * blocks up to FLOOR_SIZE_MAX may have what it begins with: FLOOR_BYTES in all.
 * Twice as much made Java programs faster by 3 % at most, and kept up to 10 MB
 * more resident where threads come and go; half of it costs 100 busy threads a
 * fifth of their speed.
 */
#define SLAB_BYTES_ALL (32 * MIB)
#define SLAB_BYTES_MIN (16 * KIB)
#define FLOOR_SIZE_MAX (1 * KIB)
#define FLOOR_BYTES    (20 * KIB)
#define SLAB_BYTES_MAX (2 * MIB)
#define SLAB_BIN_PART  16

/* Near a memory limit it is this part; page runs are not kept at all then. */
#define NEAR_LIMIT_PART 8

/* The same for blocks that a thread only frees. */
#define ONE_WAY_BYTES (32 * KIB)
#define ONE_WAY_MAX   127u

#define LARGE_BYTES_ALL (8 * MIB)

/* Page runs one bin may hold: what a Deflater allocates, twice. */
#define LARGE_DEPTH_MAX 8u

/* --- arrays ---------------------------------------------------------------- */

static size_t
array_bytes(unsigned capacity)
{
	return (capacity + 1) * sizeof(void *);
}

static size_t
share(size_t all, size_t least, size_t most)
{
	size_t bytes;

	if (bell_says_near_limit())
		all /= NEAR_LIMIT_PART;
	bytes = all / max_size(thread_count(), 1);

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
	if (bell_says_near_limit())
		return 0;
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

void
stack_grow(struct tcache *c, struct cache_bin *b, unsigned cls)
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

/* --- blocks ---------------------------------------------------------------- */

void
stack_flush(struct cache_bin *b, unsigned cls, size_t n)
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
stack_flatten(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	size_t bytes = b->depth * class_size(cls);

	if (cache_bin_count(b) > 0)
		stack_flush(b, cls, cache_bin_count(b));
	*(class_is_slab(cls) ? &c->slab_budget : &c->large_budget) -= bytes;
	set_depth(b, 0);
	b->is_filled = false;
	b->mood = 0;
}

/* --- page runs -------------------------------------------------------------- */

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
		stack_flatten(c, b, cls);
		return true;
	}
	return false;
}

bool
stack_grow_large(struct tcache *c, struct cache_bin *b, unsigned cls)
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

bool
stack_make_room(struct tcache *c, struct cache_bin *b, unsigned cls)
{
	if (class_is_slab(cls)) {
		stack_grow(c, b, cls);
		if (b->top == b->limit && b->depth > 0)
			stack_flush(b, cls, (b->depth + 1u) / 2);
	} else if (!stack_grow_large(c, b, cls) && b->depth > 0) {
		stack_flush(b, cls, 1);
	}
	c->nflushes++;
	return b->top != b->limit;
}

/* --- shares ----------------------------------------------------------------- */

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
			stack_flatten(c, &c->bins[cls], cls);
			c->nflushes++;
		}
	}
}

void
stack_strip(struct cache_bin *b)
{
	meta_free(cache_bin_slots(b), array_bytes(b->capacity));
}

/*
 * pagepool.c -- see pagepool.h.
 */
#include "pagepool.h"
#include "../base/bits.h"
#include "../base/check.h"
#include "../base/options.h"
#include "../os/guarded.h"
#include "../os/lock.h"
#include "../os/memory.h"
#include "hugepages.h"

/* Page runs purged in one go: their list lies on the stack of whoever frees. */
#define BATCH 64

/*
 * Ranges that may lie in mappings of their own at a time: the kernel allows a
 * process 65,530 of them (vm.max_map_count), and the program wants its share.
 */
#define MOVED_MAX 4096

static struct {
	struct lock lock;
	_Atomic size_t ndirty;
	size_t npooled;
	bool is_scarce; /* commit charge, as the last purge found it */
	struct purge_stats purge;
} pool;

/* --- which chunks -------------------------------------------------------- */

static size_t
chunk_index(const struct region *r, const struct chunk *c)
{
	return (size_t)(c - r->chunks);
}

/* The first index of `count` neighbours in a bitmap, or nchunks. */
static size_t
find_neighbours(const struct region *r, const uint64_t *bits, size_t from,
		size_t count, size_t alignment)
{
	size_t start, len;

	for (size_t at = from;
	     (len = bits_next_set_run(bits, r->nchunks, at, &start)) > 0;
	     at = start + len) {
		uintptr_t addr = r->base + start * CHUNK_BYTES;
		size_t first = (align_up(addr, alignment) - r->base) /
			       CHUNK_BYTES;

		if (first + count <= start + len)
			return first;
	}
	return r->nchunks;
}

/* The same from anywhere on, round to it, where the option randomize asks. */
static size_t
find_somewhere(const struct region *r, const uint64_t *bits, size_t count,
	       size_t alignment)
{
	size_t from = 0, at;

	if (option(randomize) && r->nchunks > 0)
		from = (size_t)(os_random() % r->nchunks);
	at = find_neighbours(r, bits, from, count, alignment);
	return at == r->nchunks && from > 0
		       ? find_neighbours(r, bits, 0, count, alignment)
		       : at;
}

/* Relaxed: LOCK_MAP orders the writers; the reader wants a hint. */
static void
add_dirty_locked(size_t n)
{
	size_t now = atomic_load_explicit(&pool.ndirty, memory_order_relaxed);

	atomic_store_explicit(&pool.ndirty, now + n, memory_order_relaxed);
}

static void
remove_locked(struct region *r, size_t index, size_t count)
{
	bits_clear_range(r->pool, index, count);
	bits_clear_range(r->pool_dirty, index, count);
	pool.npooled -= count;
	for (size_t i = 0; i < count; i++)
		add_dirty_locked(0 - (size_t)r->chunks[index + i].ndirty);
}

/*
 * True where a purge has something to do for a free chunk: moved pages and
 * advice against huge pages left seams in the mapping, and where commit charge
 * is short, clean chunks are too dear to keep as well.
 */
static bool
needs_care(const struct chunk *c)
{
	return c->ndirty > 0 || c->has_moved_pages || c->is_small_paged ||
	       (pool.is_scarce && c->is_committed);
}

static void
insert_locked(struct region *r, size_t index)
{
	const struct chunk *c = &r->chunks[index];

	bits_set(r->pool, index);
	if (needs_care(c))
		bits_set(r->pool_dirty, index);
	pool.npooled++;
	add_dirty_locked(c->ndirty);
}

static bool
commit_chunk(struct chunk *c)
{
	if (!os_commit(c->base, CHUNK_BYTES))
		return false;
	c->is_committed = true;
	/* A mapping that was given up forgot its advice. */
	hugepages_advise(c->base, CHUNK_BYTES);
	return true;
}

/*
 * A run that cannot be had must not keep the charge of its first chunks: the
 * program may want it for something else. Free and clean ones need none.
 */
static void
uncommit_locked(const struct region *r, size_t index, size_t end)
{
	for (; index < end; index++) {
		struct chunk *c = &r->chunks[index];

		if (c->ndirty > 0 || c->has_moved_pages || c->is_small_paged)
			continue;
		if (os_decommit(c->base, CHUNK_BYTES))
			c->is_committed = false;
	}
}

static bool
commit_locked(const struct region *r, size_t index, size_t count)
{
	for (size_t i = index; i < index + count; i++) {
		if (r->chunks[i].is_committed || commit_chunk(&r->chunks[i]))
			continue;
		uncommit_locked(r, index, i);
		return false;
	}
	return true;
}

/* The first of `count` neighbours that need no charge, or nchunks. */
static size_t
find_committed(const struct region *r, const uint64_t *bits, size_t count,
	       size_t alignment)
{
	size_t from = 0, at, i;

	while ((at = find_neighbours(r, bits, from, count, alignment)) <
	       r->nchunks) {
		for (i = at + count; i > at && r->chunks[i - 1].is_committed;)
			i--;
		if (i == at)
			break;
		from = i;
	}
	return at;
}

/* Where the charge for the first ones is refused, others may have theirs. */
static struct chunk *
take_of_locked(struct region *r, const uint64_t *bits, size_t count,
	       size_t alignment)
{
	size_t at = find_somewhere(r, bits, count, alignment);

	if (at < r->nchunks && !commit_locked(r, at, count))
		at = find_committed(r, bits, count, alignment);
	if (at == r->nchunks)
		return NULL;
	remove_locked(r, at, count);
	return &r->chunks[at];
}

/* From the pool's own stock; dirty neighbours first. */
static struct chunk *
take_pooled_locked(size_t count, size_t alignment)
{
	/* Relaxed: regions are added under this lock. */
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);
	struct chunk *c = NULL;

	for (unsigned i = 0; i < 2 * n && c == NULL; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): i < 2n */
		struct region *r = &regions[i % n];

		c = take_of_locked(r, i < n ? r->pool_dirty : r->pool, count,
				   alignment);
	}
	return c;
}

static struct chunk *
take_new_locked(size_t count, size_t alignment)
{
	size_t index, nskipped;
	struct region *r = region_grow_locked(count, alignment, &index,
					      &nskipped);

	if (r == NULL)
		return NULL;
	pool.npooled += nskipped;
	return &r->chunks[index];
}

struct chunk *
pagepool_take(size_t count, size_t alignment)
{
	struct chunk *c;

	lock_take(&pool.lock, LOCK_MAP);
	c = take_pooled_locked(count, alignment);
	if (c == NULL)
		c = take_new_locked(count, alignment);
	hugepages_begin(c, count);
	lock_drop(&pool.lock, LOCK_MAP);
	return c;
}

/* The region whose table holds c, or NULL: c lies behind its end. */
static struct region *
region_of_record(const struct chunk *c)
{
	/* Relaxed: regions are added under this lock. */
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++) {
		if (c >= regions[i].chunks &&
		    c < regions[i].chunks + regions[i].nchunks)
			return &regions[i];
	}
	return NULL;
}

bool
pagepool_take_at(struct chunk *c, size_t count)
{
	struct region *r;
	bool fits = false;

	lock_take(&pool.lock, LOCK_MAP);
	r = region_of_record(c);
	if (r != NULL) {
		size_t index = chunk_index(r, c);

		fits = index + count <= r->nchunks &&
		       bits_count_range(r->pool, index, count) == count &&
		       commit_locked(r, index, count);
		if (fits)
			remove_locked(r, index, count);
		hugepages_begin(fits ? c : NULL, count);
	}
	lock_drop(&pool.lock, LOCK_MAP);
	return fits;
}

void
pagepool_put(struct chunk *c)
{
	struct region *r = region_find(c->base);

	invariant(c->nused == 0);
	lock_take(&pool.lock, LOCK_MAP);
	chunk_set_owner(c, NULL);
	insert_locked(r, chunk_index(r, c));
	lock_drop(&pool.lock, LOCK_MAP);
}

/* --- purging --------------------------------------------------------------- */

static size_t
ranges_pages(const struct os_range *ranges, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += ranges[i].bytes;
	return bytes >> PAGE_SHIFT;
}

void
purge_stats_add(struct purge_stats *to, const struct purge_stats *from)
{
	to->ncalls += from->ncalls;
	to->nranges += from->nranges;
	to->npages += from->npages;
	to->ns += from->ns;
	to->nfailed += from->nfailed;
	to->ndecommitted += from->ndecommitted;
}

/* Ranges of chunks that are wholly free. */
static size_t
purge_free_ranges(const struct os_range *ranges, size_t n,
		  struct purge_stats *stats)
{
	uint64_t before = os_now_ns();
	size_t went = os_purge_ranges(ranges, n);

	stats->ncalls++;
	stats->nranges += went;
	stats->npages += ranges_pages(ranges, went);
	stats->nfailed += n - went;
	stats->ns += ns_since(before, os_now_ns());
	return went;
}

size_t
purge_ranges(const struct os_range *ranges, size_t n, struct purge_stats *stats)
{
	for (size_t i = 0; i < n; i++)
		hugepages_forbid(&ranges[i]);
	return purge_free_ranges(ranges, n, stats);
}

/* Moved ranges outside and inside the pool. Relaxed: a bound. */
static _Atomic size_t nmoved;

bool
pagepool_may_move(void)
{
	return atomic_load_explicit(&nmoved, memory_order_relaxed) < MOVED_MAX;
}

void
pagepool_note_moved(struct chunk *c, bool is_first)
{
	c->has_moved_pages = true;
	c->is_small_paged = false; /* of that mapping nothing is known */
	if (!is_first || c->is_moved_first)
		return;
	c->is_moved_first = true;
	atomic_fetch_add_explicit(&nmoved, 1, memory_order_relaxed);
}

/* A free chunk's mapping was replaced: nothing of the old one is left. */
static size_t
forget_mapping(struct chunk *c, struct purge_stats *stats)
{
	size_t n = c->ndirty;

	chunk_clean(c);
	if (c->is_moved_first)
		atomic_fetch_sub_explicit(&nmoved, 1, memory_order_relaxed);
	c->is_moved_first = c->has_moved_pages = c->is_small_paged = false;
	stats->ncalls += n > 0;
	stats->nranges += n > 0;
	stats->npages += n;
	return n;
}

/*
 * A free chunk gets a new mapping, which the kernel joins with the others. Where
 * the charge for it cannot be had at once, whoever takes the chunk asks again.
 */
static bool
renew(struct chunk *c)
{
	if (!os_decommit(c->base, CHUNK_BYTES))
		return false;
	c->is_committed = false;
	commit_chunk(c);
	return true;
}

bool
pagepool_put_anew(struct chunk *c)
{
	struct purge_stats stats = { 0 };

	if (!renew(c))
		return false;
	forget_mapping(c, &stats);
	lock_take(&pool.lock, LOCK_MAP);
	purge_stats_add(&pool.purge, &stats);
	lock_drop(&pool.lock, LOCK_MAP);
	pagepool_put(c);
	return true;
}

/* Gives up the commit charge, with all that the chunk's mapping was. */
static size_t
decommit_chunk(struct chunk *c, struct purge_stats *stats)
{
	if (!os_decommit(c->base, CHUNK_BYTES))
		return 0;
	c->is_committed = false;
	stats->ndecommitted++;
	return forget_mapping(c, stats);
}

/* What a chunk without a dirty page is due. Returns pages given back. */
static size_t
care_for_clean(struct chunk *c, struct purge_stats *stats)
{
	/* is_scarce is written by purges alone, one at a time. */
	if (c->is_committed && pool.is_scarce)
		return decommit_chunk(c, stats);
	if (c->is_small_paged)
		return renew(c) ? forget_mapping(c, stats) : 0;
	return 0;
}

/* One batch; *is_over: there is no other, or the kernel refuses. */
static size_t
purge_batch(struct chunk *c, bool only_stale, size_t max, bool *is_over,
	    struct purge_stats *stats)
{
	struct os_range ranges[BATCH];
	size_t n = chunk_claim(c, only_stale, ranges, max), went = 0;

	if (n > 0)
		went = purge_free_ranges(ranges, n, stats);
	for (size_t i = 0; i < n; i++)
		chunk_settle(c, &ranges[i], i < went);
	*is_over = n < BATCH || went < n;
	return ranges_pages(ranges, went);
}

/* One chunk that is in nobody's hands meanwhile. Returns pages given back. */
static size_t
purge_chunk(struct chunk *c, bool only_stale, bool only_age,
	    struct purge_stats *stats)
{
	size_t npages = 0;
	bool is_over = false;

	if (c->has_moved_pages && renew(c))
		return forget_mapping(c, stats);
	/* Out of mappings, a purge in place needs none. */
	while (!is_over)
		npages += purge_batch(c, only_stale, only_age ? 0 : BATCH,
				      &is_over, stats);
	if (c->ndirty > 0)
		return npages;
	hugepages_purge_rest(c, npages);
	return npages + care_for_clean(c, stats);
}

/* Takes the next dirty chunk at or after *index out of the pool. */
static struct chunk *
pull_dirty_locked(struct region *r, size_t *index)
{
	*index = bits_find_set(r->pool_dirty, r->nchunks, *index);
	if (*index >= r->nchunks)
		return NULL;
	remove_locked(r, *index, 1);
	return &r->chunks[*index];
}

static size_t
purge_region(struct region *r, bool only_stale, size_t max_pages)
{
	size_t index = 0, npages = 0;
	struct chunk *c;

	lock_take(&pool.lock, LOCK_MAP);
	while ((c = pull_dirty_locked(r, &index)) != NULL) {
		struct purge_stats stats = { 0 };

		lock_drop(&pool.lock, LOCK_MAP);
		npages += purge_chunk(c, only_stale, npages >= max_pages,
				      &stats);
		lock_take(&pool.lock, LOCK_MAP);
		purge_stats_add(&pool.purge, &stats);
		insert_locked(r, index++);
	}
	lock_drop(&pool.lock, LOCK_MAP);
	return npages;
}

/* Where something became scarce, each chunk of the pool is to be looked at. */
static void
look_at_all_locked(void)
{
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++) {
		struct region *r = &regions[i];
		size_t at = 0;

		while ((at = bits_find_set(r->pool, r->nchunks, at)) <
		       r->nchunks) {
			if (needs_care(&r->chunks[at]))
				bits_set(r->pool_dirty, at);
			at++;
		}
	}
}

static void
ask_for_scarcity(void)
{
	bool now = os_commit_is_scarce();

	lock_take(&pool.lock, LOCK_MAP);
	if (now != pool.is_scarce) {
		pool.is_scarce = now;
		look_at_all_locked();
	}
	lock_drop(&pool.lock, LOCK_MAP);
}

size_t
pagepool_purge(bool only_stale, size_t max_pages)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);
	size_t npages = 0;

	ask_for_scarcity();
	for (unsigned i = 0; i < n; i++)
		npages += purge_region(&regions[i], only_stale,
				       max_pages - min_size(max_pages, npages));
	return npages;
}

size_t
pagepool_ndirty(void)
{
	return atomic_load_explicit(&pool.ndirty, memory_order_relaxed);
}

void
pagepool_stats(struct pagepool_stats *out)
{
	unsigned n;

	lock_take(&pool.lock, LOCK_MAP);
	n = atomic_load_explicit(&nregions, memory_order_relaxed);
	out->nchunks = 0;
	for (unsigned i = 0; i < n; i++)
		out->nchunks += regions[i].nchunks;
	out->npooled = pool.npooled;
	out->ndirty_pages = pagepool_ndirty();
	out->purge = pool.purge;
	lock_drop(&pool.lock, LOCK_MAP);
}

size_t
pagepool_nchunks(const struct region *r)
{
	size_t n;

	lock_take(&pool.lock, LOCK_MAP);
	n = r->nchunks;
	lock_drop(&pool.lock, LOCK_MAP);
	return n;
}

bool
pagepool_books(struct chunk *c, uint64_t resident[CHUNK_NWORDS])
{
	struct region *r;
	bool is_ours;

	lock_take(&pool.lock, LOCK_MAP);
	r = region_of_record(c);
	/* Else a page heap has just taken it, or a purge has. */
	is_ours = r != NULL && bits_test(r->pool, chunk_index(r, c));
	if (is_ours)
		chunk_books(c, resident);
	lock_drop(&pool.lock, LOCK_MAP);
	return is_ours;
}

void
pagepool_open_front(void)
{
	lock_take(&pool.lock, LOCK_MAP);
	region_advise_all_locked();
	region_open_front_locked();
	lock_drop(&pool.lock, LOCK_MAP);
}

void
pagepool_lock(void)
{
	lock_take(&pool.lock, LOCK_MAP);
}

void
pagepool_unlock(void)
{
	lock_drop(&pool.lock, LOCK_MAP);
}

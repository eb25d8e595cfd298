/*
 * region.c -- see region.h.
 */
#include <errno.h>

#include "region.h"
#include "hugepages.h"
#include "../base/bits.h"
#include "../base/check.h"
#include "../base/options.h"
#include "../os/guarded.h"

/* 256 GiB: more native memory than any JVM here will hold. */
#define REGION_NCHUNKS_MAX ((size_t)1 << 17)
#define REGION_NCHUNKS_MIN ((size_t)REGION_STEP)

/* One page of any kernel. */
#define GUARD_BYTES (64 * KIB)

/* With randomize, the first chunk is one of as many: 2 GiB of addresses. */
#define SPREAD_NCHUNKS ((size_t)1024)

#define CHUNKS_TO_BITMAP_BYTES(n) align_up((n) / 8, PAGE_BYTES)

struct region regions[REGIONS_MAX];
_Atomic unsigned nregions;

struct region_front region_front;
size_t region_front_end;
static bool front_is_open;

/* Bytes of each table for one chunk. */
#define MAP_PER_CHUNK   (CHUNK_NPAGES * sizeof(uint16_t))
#define RUNS_PER_CHUNK  (CHUNK_NPAGES * sizeof(uint32_t))
#define SLABS_PER_CHUNK (CHUNK_NPAGES / SLAB_NPAGES * sizeof(void *))
#define CHUNK_RECORD    sizeof(struct chunk)

static_assert(MAP_PER_CHUNK * REGION_STEP % PAGE_BYTES == 0 &&
		      RUNS_PER_CHUNK * REGION_STEP % PAGE_BYTES == 0 &&
		      SLABS_PER_CHUNK * REGION_STEP % PAGE_BYTES == 0 &&
		      CHUNK_RECORD * REGION_STEP % PAGE_BYTES == 0,
	      "a step of each table is whole pages");

struct region *
region_find(const void *addr)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);

	for (unsigned i = 0; i < n; i++) {
		struct region *r = &regions[i];

		if ((uintptr_t)addr - r->base < region_npages(r) << PAGE_SHIFT)
			return r;
	}
	return NULL;
}

void
pagemap_set(const struct region *r, size_t page, size_t npages, uint16_t value)
{
	for (size_t i = 0; i < npages; i++)
		atomic_store_explicit(&r->map[page + i], value,
				      memory_order_relaxed);
}

static size_t
tables_bytes(size_t nchunks)
{
	size_t per_chunk = MAP_PER_CHUNK + RUNS_PER_CHUNK + SLABS_PER_CHUNK +
			   CHUNK_RECORD;

	return per_chunk * nchunks + 2 * CHUNKS_TO_BITMAP_BYTES(nchunks);
}

/* Lays the tables out in front of the chunks. */
static void
place_tables(struct region *r, char *at, size_t nchunks)
{
	r->map = (_Atomic uint16_t *)(void *)at;
	at += MAP_PER_CHUNK * nchunks;
	r->runs = (uint32_t *)(void *)at;
	at += RUNS_PER_CHUNK * nchunks;
	r->slabs = (void **)(void *)at;
	at += SLABS_PER_CHUNK * nchunks;
	r->chunks = (struct chunk *)(void *)at;
	at += CHUNK_RECORD * nchunks;
	r->pool = (uint64_t *)(void *)at;
	at += CHUNKS_TO_BITMAP_BYTES(nchunks);
	r->pool_dirty = (uint64_t *)(void *)at;
}

/*
 * Reserves for nchunks; false where the address space does not allow it, with
 * errno as it was, for fewer may do. A page at least between the tables and the
 * chunks is never accessible.
 */
static bool
reserve(struct region *r, size_t nchunks)
{
	size_t tables = align_up(tables_bytes(nchunks) + GUARD_BYTES,
				 CHUNK_BYTES);
	size_t bytes = tables + nchunks * CHUNK_BYTES;
	int before = errno;
	char *at = os_reserve(bytes, CHUNK_BYTES);

	if (at == NULL) {
		errno = before;
		return false;
	}
	place_tables(r, at, nchunks);
	if (!os_commit(r->pool, 2 * CHUNKS_TO_BITMAP_BYTES(nchunks))) {
		os_release(at, bytes);
		errno = before;
		return false;
	}
	r->reservation = at;
	r->reserved_bytes = bytes;
	r->base = (uintptr_t)at + tables;
	r->nchunks = 0;
	r->nchunks_max = nchunks;
	return true;
}

/*
 * Reserves as much as is to be had, at least `least`. Under RLIMIT_AS the
 * largest reservation that fits would leave nothing for the program's own
 * mappings, so where the first try fails a quarter of what fits is taken.
 */
static bool
reserve_most(struct region *r, size_t least)
{
	size_t nchunks = REGION_NCHUNKS_MAX;

	if (reserve(r, nchunks))
		return true;
	do {
		if (nchunks == least)
			return false;
		nchunks = max_size(nchunks / 4, least);
	} while (!reserve(r, nchunks));
	if (nchunks == least)
		return true;
	os_release(r->reservation, r->reserved_bytes);
	return reserve(r, max_size(nchunks / 4, least));
}

static void
advise(const struct region *r)
{
	hugepages_advise((void *)r->base, r->nchunks_max * CHUNK_BYTES);
}

void
region_advise_all_locked(void)
{
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++)
		advise(&regions[i]);
}

/* Does it to the tables of chunks from `from` to `upto`. */
static bool
to_tables(const struct region *r, size_t from, size_t upto,
	  bool (*does)(void *addr, size_t bytes))
{
	size_t n = upto - from;

	return does((char *)(uintptr_t)r->map + from * MAP_PER_CHUNK,
		    n * MAP_PER_CHUNK) &&
	       does((char *)r->runs + from * RUNS_PER_CHUNK,
		    n * RUNS_PER_CHUNK) &&
	       does((char *)r->slabs + from * SLABS_PER_CHUNK,
		    n * SLABS_PER_CHUNK) &&
	       does((char *)r->chunks + from * CHUNK_RECORD, n * CHUNK_RECORD);
}

/*
 * Core dumps hold a step more than what is committed: so each of the two limits
 * moves within mappings that are alike, and neither needs a mapping more, which
 * a process that has nearly too many would not get.
 */
static void
dump_locked(struct region *r, size_t upto)
{
	size_t from = r->ndumped;

	upto = min_size(upto + REGION_STEP, r->nchunks_max);
	if (upto <= from)
		return;
	to_tables(r, from, upto, os_put_into_dumps);
	os_put_into_dumps((char *)r->base + from * CHUNK_BYTES,
			  (upto - from) * CHUNK_BYTES);
	r->ndumped = upto;
}

/* Opens one more region for at least `count` chunks. */
static struct region *
region_open_locked(size_t count)
{
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);
	size_t least = max_size(REGION_NCHUNKS_MIN,
				align_up(count, REGION_STEP));
	struct region *r = &regions[n];

	if (n == REGIONS_MAX || least > REGION_NCHUNKS_MAX ||
	    !reserve_most(r, least))
		return NULL;
	advise(r);
	os_omit_from_dumps(r->reservation, r->reserved_bytes);
	os_put_into_dumps(r->pool, 2 * CHUNKS_TO_BITMAP_BYTES(r->nchunks_max));
	dump_locked(r, 0);
	/* Release: pairs with the acquire in region_find(). */
	atomic_store_explicit(&nregions, n + 1, memory_order_release);
	return r;
}

/* Base and map before npages, and only once. */
static void
update_front_locked(void)
{
	size_t npages = region_npages(&regions[0]);

	if (!front_is_open || npages == 0)
		return;
	if (region_front_end == 0) {
		region_front.base = regions[0].base;
		region_front.map = regions[0].map;
		os_seal(&region_front, sizeof region_front);
	}
	/* Release, and plain for the readers: see struct region_front. */
	__atomic_store_n(&region_front_end, npages, __ATOMIC_RELEASE);
}

void
region_open_front_locked(void)
{
	front_is_open = true;
	update_front_locked();
}

/* Makes the tables reach over `upto` chunks. */
static bool
extend_locked(struct region *r, size_t upto)
{
	size_t from = region_npages(r) / CHUNK_NPAGES;

	if (upto <= from)
		return true;
	upto = min_size(align_up(upto, REGION_STEP), r->nchunks_max);
	dump_locked(r, upto);
	if (!to_tables(r, from, upto, os_commit))
		return false;
	/* Release: whoever sees the length may read the tables below it. */
	atomic_store_explicit(&r->npages, upto * CHUNK_NPAGES,
			      memory_order_release);
	update_front_locked();
	return true;
}

static bool
has_room(const struct region *r, size_t count, size_t alignment, size_t *first)
{
	uintptr_t at = r->base + r->nchunks * CHUNK_BYTES;

	*first = (align_up(at, alignment) - r->base) / CHUNK_BYTES;
	return *first <= r->nchunks_max && count <= r->nchunks_max - *first;
}

/* Takes [first, first + count); what alignment skipped goes to the pool. */
static bool
region_take_locked(struct region *r, size_t first, size_t count)
{
	if (!extend_locked(r, first + count) ||
	    !os_commit((char *)r->base + first * CHUNK_BYTES,
		       count * CHUNK_BYTES))
		return false;
	for (size_t i = r->nchunks; i < first + count; i++) {
		r->chunks[i].base = (char *)r->base + i * CHUNK_BYTES;
		r->chunks[i].is_committed = i >= first;
		if (i < first)
			bits_set(r->pool, i);
	}
	r->nchunks = first + count;
	return true;
}

/* A region with room, opened if there is none. */
static struct region *
find_room_locked(size_t count, size_t alignment, size_t *first)
{
	unsigned n = atomic_load_explicit(&nregions, memory_order_relaxed);
	struct region *r;

	for (unsigned i = 0; i < n; i++) {
		if (has_room(&regions[i], count, alignment, first))
			return &regions[i];
	}
	r = region_open_locked(count + alignment / CHUNK_BYTES);
	return r != NULL && has_room(r, count, alignment, first) ? r : NULL;
}

/*
 * With randomize, once for each region: leaves some chunks out, which go to the
 * pool. Only the first try of a region that has room for it.
 */
static size_t
leave_out_locked(struct region *r, size_t first, size_t count, size_t alignment)
{
	size_t n = SPREAD_NCHUNKS;

	if (!option(randomize) || r->is_spread || alignment > CHUNK_BYTES ||
	    first + count + n > r->nchunks_max)
		return 0;
	r->is_spread = true;
	return (size_t)(os_random() % n);
}

struct region *
region_grow_locked(size_t count, size_t alignment, size_t *index,
		   size_t *nskipped)
{
	struct region *r = find_room_locked(count, alignment, index);
	size_t nleft_out;

	if (r == NULL)
		return NULL;
	nleft_out = leave_out_locked(r, *index, count, alignment);
	*nskipped = *index + nleft_out - r->nchunks;
	if (region_take_locked(r, *index + nleft_out, count)) {
		*index += nleft_out;
		return r;
	}
	*nskipped = *index - r->nchunks;
	return nleft_out > 0 && region_take_locked(r, *index, count) ? r : NULL;
}

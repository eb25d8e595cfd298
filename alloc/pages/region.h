/*
 * region.h -- reserved address space, its chunks, and what each page holds.
 *
 * Above   free() (region_main, the page map), pagepool, pageheap, heap
 * Lock    LOCK_MAP to grow; readers take none
 * Always  a region's tables never move and never go; `npages` only grows, and
 *         all tables are readable below it; page map and slab table entries of
 *         a block change only while its owner holds it
 *
 * One reservation holds first the tables, then the chunks:
 *
 *	+--------+---------+---------+-----+----------------------------------+
 *	| map    | runs    | slabs   | ... | chunk 0 | chunk 1 | ...          |
 *	+--------+---------+---------+-----+----------------------------------+
 *	2 B/page 4 B/page  8 B/64 KiB      base, 2 MiB each
 *
 * The first region is large enough for nearly every process, so that free()
 * looks into it alone; pointers into later ones take the slow path. A region
 * is cut to what RLIMIT_AS leaves.
 */
#ifndef TRI_PAGES_REGION_H
#define TRI_PAGES_REGION_H

#include <stdatomic.h>

#include "../base/base.h"
#include "../base/list.h"

#define CHUNK_SHIFT  21
#define CHUNK_BYTES  ((size_t)1 << CHUNK_SHIFT)
#define CHUNK_NPAGES 512u
#define CHUNK_NWORDS (CHUNK_NPAGES / 64)

#define SLAB_SHIFT  16
#define SLAB_BYTES  ((size_t)1 << SLAB_SHIFT)
#define SLAB_NPAGES 16u

#define REGIONS_MAX 64u

/* Tables grow by this many chunks: each table by whole pages. */
#define REGION_STEP 16u

struct pageheap;

/*
 * 2 MiB of pages. `used` are handed out (or held for a moment by a purge),
 * `dirty` are free and not yet given back, `stale` are dirty and were so at
 * the last tick, `purged` are free and went back since they were used. dirty,
 * purged and used are disjoint, stale is a part of dirty. `away` are those of
 * the used ones that their slab gave back. Where the kernel's pages are larger
 * than ours, `soiled` are free, not zero, and cannot go back, for a used page
 * lies on the same page of the kernel's; they become dirty when that is freed.
 * Lock: the owner's; LOCK_MAP while it lies in the pool. away: the bins'.
 */
struct chunk {
	uint64_t used[CHUNK_NWORDS];
	uint64_t dirty[CHUNK_NWORDS];
	uint64_t stale[CHUNK_NWORDS];
	uint64_t purged[CHUNK_NWORDS];
	uint64_t soiled[CHUNK_NWORDS];
	_Atomic uint64_t away[CHUNK_NWORDS]; /* of several bins: atomic */
	struct list_node link;               /* owner's list of its bucket */
	struct list_node dirty_link;         /* owner's list while ndirty > 0 */
	/* NULL: in the pool, or not yet there. See chunk_owner(). */
	_Atomic(struct pageheap *) owner;
	char *base;
	uint32_t tick; /* the purge that has been here last */
	uint16_t nused, ndirty, nsoiled;
	uint16_t longest; /* no free run is longer; exact or too large */
	uint8_t bucket;   /* log2 of longest; CHUNK_FULL where it is 0 */
	bool has_moved_pages : 1; /* its mapping is in pieces: renew, not purge */
	bool is_moved_first : 1; /* the first chunk of a range that was moved */
	bool is_moved_away;      /* its purged pages went with a block */
	bool is_small_paged;     /* advised so, see hugepages.h */
	bool is_committed;       /* else no access, and no commit charge */
	bool is_lent;            /* handed out to the program, see hooks.h */
} __attribute__((aligned(512)));

static_assert(sizeof(struct chunk) == 512, "eight records in a page");

struct region {
	uintptr_t base;
	_Atomic size_t npages;
	_Atomic uint16_t *map;
	/* Bytes the page run that begins here has, in pages; else stale. */
	uint32_t *runs;
	void **slabs;
	struct chunk *chunks;
	/* Chunks in the pool, and those of them with dirty pages. */
	uint64_t *pool, *pool_dirty;
	size_t nchunks, nchunks_max;
	size_t ndumped; /* so many, and their tables, are in core dumps */
	void *reservation;
	size_t reserved_bytes;
	bool is_spread; /* chunks were left out by chance, see region.c */
};

/* Further ones are for processes that fill the first, or under RLIMIT_AS. */
extern struct region regions[REGIONS_MAX];

/*
 * What free() reads of region 0. npages is 0, so that every free takes the
 * slow path, until region_open_front_locked(): before that the thread's anchor
 * may not have its initial value (glibc runs IFUNC resolvers before it copies
 * the image of static TLS).
 *
 * Plain words: base and map are written before npages, and read-only from
 * then on, and whoever frees a block has it from a thread that saw npages cover
 * it.
 */
struct region_front {
	uintptr_t base;
	_Atomic uint16_t *map;
} __attribute__((aligned(PAGE_BYTES))); /* alone on its page: it is sealed */

extern struct region_front region_front HIDDEN;
extern size_t region_front_end HIDDEN; /* npages */

/* A race by the letter, and none by the argument above: TSan gets its own. */
#if defined(__SANITIZE_THREAD__)
ALWAYS_INLINE size_t
region_front_npages(void)
{
	return __atomic_load_n(&region_front_end, __ATOMIC_RELAXED);
}
#else
ALWAYS_INLINE size_t
region_front_npages(void)
{
	return region_front_end;
}
#endif

/* From here on free() may use its fast path. LOCK_MAP is held. */
void region_open_front_locked(void);

/* Pages whose tables may be read. Acquire: pairs with extend_locked(). */
ALWAYS_INLINE size_t
region_npages(const struct region *r)
{
	return atomic_load_explicit(&r->npages, memory_order_acquire);
}

/* The options are known now: advises what was reserved before. LOCK_MAP. */
void region_advise_all_locked(void);

/* How many regions there are; acquire in region_find pairs with the growth. */
extern _Atomic unsigned nregions;

/* The region that holds addr, or NULL: no memory of ours. */
struct region *region_find(const void *addr);

/*
 * `count` neighbouring chunks never handed out before, committed; their
 * indices begin at *index. *nskipped chunks in front of them went to the pool,
 * for alignment. NULL where address space or commit is used up. LOCK_MAP is
 * held.
 */
struct region *region_grow_locked(size_t count, size_t alignment, size_t *index,
				  size_t *nskipped);

ALWAYS_INLINE size_t
region_page(const struct region *r, const void *addr)
{
	return ((uintptr_t)addr - r->base) >> PAGE_SHIFT;
}

ALWAYS_INLINE struct chunk *
region_chunk(const struct region *r, const void *addr)
{
	return &r->chunks[((uintptr_t)addr - r->base) >> CHUNK_SHIFT];
}

/* The slab table's entry for the 64 KiB around addr. */
ALWAYS_INLINE void **
region_slab(const struct region *r, const void *addr)
{
	return &r->slabs[((uintptr_t)addr - r->base) >> SLAB_SHIFT];
}

/*
 * The page map: what free() may do with a pointer into this page, as the
 * byte offset of a bin in the thread cache. 0: nothing.
 *
 * Relaxed on both sides: a page's entry is written before its block is handed
 * out, and whoever frees the block got it from the thread that took it, by
 * synchronization of the program's own.
 */
ALWAYS_INLINE uint16_t
pagemap_get(const struct region *r, size_t page)
{
	return atomic_load_explicit(&r->map[page], memory_order_relaxed);
}

void pagemap_set(const struct region *r, size_t page, size_t npages,
		 uint16_t value);

#endif

/*
 * large.c -- see large.h.
 */
#include <string.h>

#include "large.h"
#include "../base/check.h"
#include "../pages/bell.h"

static struct run_count *
run_count(struct arena *a, unsigned cls, size_t npages)
{
	if (cls != CLASS_RUN)
		return &a->runs[cls - CLASS_SLAB_MAX - 1];
	return &a->spans[npages == 1 ? 0 : log2_floor(npages - 1) + 1];
}

/* One block more, of n == 1, or one less, of n == -1. */
static void
count(struct arena *a, unsigned cls, size_t npages, int n)
{
	struct run_count *c = run_count(a, cls, npages);

	atomic_fetch_add_explicit(&c->nblocks, (size_t)n, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->npages, (size_t)n * npages,
				  memory_order_relaxed);
}

static void
add_count(const struct run_count *c, struct large_sum *sum)
{
	sum->nblocks += atomic_load_explicit(&c->nblocks, memory_order_relaxed);
	sum->npages += atomic_load_explicit(&c->npages, memory_order_relaxed);
}

struct large_sum
large_count(const struct arena *a)
{
	struct large_sum sum = { 0, 0 };

	for (unsigned i = 0; i < NSHELVES; i++)
		add_count(&a->runs[i], &sum);
	for (unsigned i = 0; i < RUN_POWERS; i++)
		add_count(&a->spans[i], &sum);
	return sum;
}

static void
announce(const void *p, size_t npages, unsigned cls)
{
	struct region *r = region_find(p);
	size_t page = region_page(r, p);

	r->runs[page] = (uint32_t)npages;
	pagemap_set(r, page, 1, CLASS_TO_MAP(cls));
}

static unsigned
class_of(const void *p)
{
	const struct region *r = region_find(p);

	return MAP_TO_CLASS(pagemap_get(r, region_page(r, p)));
}

/* Caches know page runs by their class: those of an arena apart have none. */
static unsigned
class_in(const struct arena *a, unsigned cls)
{
	return a->pages.is_apart ? CLASS_RUN : cls;
}

/* --- shelves -------------------------------------------------------------- */

/*
 * What an arena's shelves may hold, and the largest of it. Above that, pages
 * cost more than finding them, and runs that lie apart cost pages.
 */
#define SHELVES_BYTES_MAX (2 * MIB)
#define SHELVED_MAX       (256 * KIB)

static struct shelf *
shelf_of(struct arena *a, unsigned cls)
{
	return &a->shelves[cls - CLASS_SLAB_MAX - 1];
}

/* Relaxed: a bound that several threads may overrun by a block each. */
static void
add_shelf_bytes(struct arena *a, size_t n)
{
	atomic_fetch_add_explicit(&a->shelf_bytes, n, memory_order_relaxed);
}

static void *
shelf_pop(struct arena *a, unsigned cls)
{
	struct shelf *s = shelf_of(a, cls);
	void *p = NULL;

	lock_take(&s->lock, LOCK_BIN);
	if (s->count > 0)
		p = s->runs[--s->count];
	if (s->count < s->idle)
		s->idle = s->count;
	lock_drop(&s->lock, LOCK_BIN);
	if (p != NULL)
		add_shelf_bytes(a, 0 - class_size(cls));
	return p;
}

static bool
shelf_push(struct arena *a, unsigned cls, void *p)
{
	struct shelf *s = shelf_of(a, cls);
	bool fits;

	if (class_size(cls) > SHELVED_MAX || bell_says_near_limit())
		return false;
	if (atomic_load_explicit(&a->shelf_bytes, memory_order_relaxed) +
		    class_size(cls) >
	    SHELVES_BYTES_MAX)
		return false;
	lock_take(&s->lock, LOCK_BIN);
	fits = s->count < SHELF_DEPTH;
	if (fits)
		s->runs[s->count++] = p;
	lock_drop(&s->lock, LOCK_BIN);
	if (fits)
		add_shelf_bytes(a, class_size(cls));
	return fits;
}

/* The oldest idle run, or NULL. */
static void *
shelf_take_idle(struct shelf *s, bool only_idle)
{
	void *p = NULL;

	lock_take(&s->lock, LOCK_BIN);
	if (s->count > 0 && (!only_idle || s->idle > 0)) {
		p = s->runs[0];
		s->count--;
		s->idle = (uint16_t)(s->idle - (s->idle > 0));
		for (unsigned i = 0; i < s->count; i++)
			s->runs[i] = s->runs[i + 1];
	} else {
		s->idle = s->count;
	}
	lock_drop(&s->lock, LOCK_BIN);
	return p;
}

void
large_trim(struct arena *a, bool only_idle)
{
	for (unsigned i = 0; i < NSHELVES; i++) {
		size_t bytes = class_size(CLASS_SLAB_MAX + 1 + i);
		void *p;

		while ((p = shelf_take_idle(&a->shelves[i], only_idle)) !=
		       NULL) {
			add_shelf_bytes(a, 0 - bytes);
			pageheap_free(p, bytes >> PAGE_SHIFT);
		}
	}
}

/* --- blocks ---------------------------------------------------------------- */

void *
large_alloc(struct arena *a, size_t npages, size_t alignment, unsigned cls,
	    bool *is_zero)
{
	size_t align_pages = max_size(alignment >> PAGE_SHIFT, 1);
	void *p = NULL;

	*is_zero = false;
	cls = class_in(a, cls);
	if (cls != CLASS_RUN && class_size(cls) <= SHELVED_MAX)
		p = shelf_pop(a, cls);
	if (p == NULL)
		p = pageheap_alloc(&a->pages, npages, align_pages, is_zero);
	if (p == NULL)
		return NULL;
	announce(p, npages, cls);
	count(a, cls, npages, 1);
	atomic_fetch_add_explicit(&a->nlarge_made, 1, memory_order_relaxed);
	return p;
}

size_t
large_npages(const void *p)
{
	struct region *r = region_find(p);

	return r->runs[region_page(r, p)];
}

void
large_free(void *p)
{
	struct region *r = region_find(p);
	size_t page = region_page(r, p), npages = r->runs[page];
	unsigned cls = MAP_TO_CLASS(pagemap_get(r, page));
	struct arena *a = arena_of(p);

	/* From here on the page map knows the block as freed. */
	announce(p, npages, CLASS_NONE);
	count(a, cls, npages, -1);
	if (cls == CLASS_RUN || !shelf_push(a, cls, p))
		pageheap_free(p, npages);
}

bool
large_resize(void *p, size_t npages, unsigned cls)
{
	size_t old = large_npages(p);
	unsigned was = class_of(p);

	if (npages > old && !pageheap_extend(p, old, npages - old))
		return false;
	if (npages < old)
		pageheap_free((char *)p + (npages << PAGE_SHIFT), old - npages);
	cls = class_in(arena_of(p), cls);
	announce(p, npages, cls);
	count(arena_of(p), was, old, -1);
	count(arena_of(p), cls, npages, 1);
	return true;
}

/* Frees a block whose whole chunks were moved away: those read as zero. */
static void
large_free_moved(void *p)
{
	size_t npages = large_npages(p);
	size_t clean = align_down(npages, CHUNK_NPAGES);

	count(arena_of(p), class_of(p), npages, -1);
	announce(p, npages, CLASS_NONE);
	if (npages > clean)
		pageheap_free((char *)p + (clean << PAGE_SHIFT),
			      npages - clean);
	pageheap_free_moved(p, clean);
}

static void *
copy_block(void *p, void *to, size_t npages)
{
	memcpy(to, p, npages << PAGE_SHIFT);
	large_free(p);
	return to;
}

/*
 * Whole chunks are moved, so that the seams lie between chunks; the rest is
 * copied. False where `to` could not take the contents; *lost: it is no longer
 * ours and stays taken for good.
 */
static bool
move_pages(void *p, void *to, size_t npages, bool *lost)
{
	size_t nchunks = npages / CHUNK_NPAGES;
	size_t moved = nchunks * CHUNK_BYTES;
	enum os_move how = OS_REFUSED;

	/* The mapping moves with the pages, and what advice it was given. */
	if (pageheap_hooks(&arena_of(p)->pages) != NULL ||
	    pageheap_hooks(&arena_of(to)->pages) != NULL)
		return *lost = false;
	/* A block that grew in place may begin within a chunk. */
	if (((uintptr_t)p & (CHUNK_BYTES - 1)) == 0 && pagepool_may_move())
		how = os_move_pages(p, to, moved);
	*lost = how == OS_LOST;
	if (how != OS_MOVED)
		return false;
	memcpy((char *)to + moved, (char *)p + moved,
	       (npages << PAGE_SHIFT) - moved);
	pageheap_note_moved(p, nchunks * CHUNK_NPAGES);
	pageheap_note_moved(to, nchunks * CHUNK_NPAGES);
	return true;
}

void *
large_move(struct arena *a, void *p, size_t npages)
{
	size_t old = large_npages(p);
	bool is_zero, lost;
	void *to;

	if (old <= CHUNK_NPAGES || npages < old)
		return NULL;
	to = large_alloc(a, npages, 1, CLASS_RUN, &is_zero);
	if (to == NULL)
		return NULL;
	/* Pages that are there already take a copy faster than a fault. */
	if (!is_zero)
		return copy_block(p, to, old);
	if (move_pages(p, to, old, &lost)) {
		large_free_moved(p);
		return to;
	}
	if (!lost)
		return copy_block(p, to, old);
	/* No block, and no free pages: nobody touches that place again. */
	announce(to, npages, CLASS_NONE);
	count(arena_of(to), CLASS_RUN, npages, -1);
	return NULL;
}

/*
 * large.c -- see large.h.
 */
#include "large.h"
#include "../base/check.h"

static void
count(struct arena *a, size_t nblocks, size_t npages)
{
	/* Relaxed: sums for reports. */
	atomic_fetch_add_explicit(&a->nlarge, nblocks, memory_order_relaxed);
	atomic_fetch_add_explicit(&a->large_bytes, npages << PAGE_SHIFT,
				  memory_order_relaxed);
}

static void
announce(const void *p, size_t npages, unsigned cls)
{
	struct region *r = region_find(p);
	size_t page = region_page(r, p);

	r->runs[page] = (uint32_t)npages;
	pagemap_set(r, page, 1, CLASS_TO_MAP(cls));
}

void *
large_alloc(struct arena *a, size_t npages, size_t alignment, unsigned cls,
	    bool *is_zero)
{
	size_t align_pages = max_size(alignment >> PAGE_SHIFT, 1);
	void *p = pageheap_alloc(&a->pages, npages, align_pages, is_zero);

	if (p == NULL)
		return NULL;
	announce(p, npages, cls);
	count(a, 1, npages);
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
	size_t npages = large_npages(p);

	announce(p, 0, CLASS_NONE);
	count(arena_of(p), (size_t)-1, 0 - npages);
	pageheap_free(p, npages);
}

bool
large_resize(void *p, size_t npages, unsigned cls)
{
	size_t old = large_npages(p);

	if (npages > old && !pageheap_extend(p, old, npages - old))
		return false;
	if (npages < old)
		pageheap_free((char *)p + (npages << PAGE_SHIFT), old - npages);
	announce(p, npages, cls);
	count(arena_of(p), 0, npages - old);
	return true;
}

void *
large_move(struct arena *a, void *p, size_t npages)
{
	size_t old = large_npages(p);
	bool is_zero;
	void *to;

	/* Whole chunks only: each move leaves a seam in the mappings. */
	if (old <= CHUNK_NPAGES || npages < old)
		return NULL;
	to = large_alloc(a, npages, 1, CLASS_RUN, &is_zero);
	if (to == NULL)
		return NULL;
	if (!os_move_pages(p, to, old << PAGE_SHIFT)) {
		large_free(to);
		return NULL;
	}
	pageheap_note_moved(p, old);
	pageheap_note_moved(to, old);
	large_free(p);
	return to;
}

/*
 * direct.c -- see direct.h.
 */
#include "direct.h"
#include "large.h"

void *
direct_alloc(struct arena *a, unsigned cls, bool *is_zero)
{
	void *p;

	*is_zero = false;
	if (!class_is_slab(cls))
		return large_alloc(a, class_size(cls) >> PAGE_SHIFT, PAGE_BYTES,
				   cls, is_zero);
	return bin_fill(&a->bins[cls], &a->pages, cls, &p, 1) == 1 ? p : NULL;
}

void
direct_free(void *p, unsigned cls)
{
	if (class_is_slab(cls))
		bin_flush(&p, 1);
	else
		large_free(p);
}

/*
 * counts.c -- see counts.h.
 */
#include "../pages/meta.h"
#include "closing.h"
#include "counts.h"

struct cache_counts *
counts_get(void)
{
	struct anchor *a = &tcache_anchor;
	struct tcache *c;

	if (a->counts != NULL)
		return a->counts;
	a->counts = meta_alloc(sizeof *a->counts);
	if (a->counts == NULL)
		return NULL;
	*a->counts = (struct cache_counts){ 0, 0 };
	/* Closes it from now on. Without a cache every path is a slow one. */
	c = cache_lock_own();
	if (c != NULL)
		lock_drop(&c->lock, LOCK_CACHE);
	return a->counts;
}

void
counts_forget(void)
{
	struct anchor *a = &tcache_anchor;

	if (a->counts != NULL)
		meta_free(a->counts, sizeof *a->counts);
	a->counts = NULL;
}

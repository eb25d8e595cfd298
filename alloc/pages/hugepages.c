/*
 * hugepages.c -- see hugepages.h.
 */
#include "hugepages.h"
#include "../base/options.h"
#include "../os/memory.h"
#include "bell.h"

void
hugepages_advise(void *addr, size_t bytes)
{
	/* A kernel without huge pages refuses, and that is as well. */
	if (option(thp) != THP_DEFAULT)
		os_advise_huge(addr, bytes, option(thp) == THP_ALWAYS);
}

/* The system's setting, asked for once: 1 made, 2 not made. */
static bool
are_made_by_default(void)
{
	static _Atomic int known;
	/* Relaxed: every thread finds the same answer. */
	int now = atomic_load_explicit(&known, memory_order_relaxed);

	if (now == 0) {
		now = os_huge_by_default() ? 1 : 2;
		atomic_store_explicit(&known, now, memory_order_relaxed);
	}
	return now == 1;
}

static bool
may_be_huge(const struct chunk *c)
{
	return !c->is_small_paged && option(thp) != THP_NEVER &&
	       (option(thp) == THP_ALWAYS || are_made_by_default());
}

/* True where it was not advised so before, and is now. */
static bool
forbid(struct chunk *c)
{
	if (!may_be_huge(c))
		return false;
	c->is_small_paged = os_advise_huge(c->base, CHUNK_BYTES, false);
	return c->is_small_paged;
}

void
hugepages_begin(struct chunk *first, size_t count)
{
	struct chunk *c = first != NULL ? &first[count - 1] : NULL;
	bool matters = bell_has_budget() || bell_says_near_limit();

	/*
	 * One with dirty pages may be huge already, and has been counted. The
	 * system is asked where it matters alone: not by each process that
	 * starts.
	 */
	if (c == NULL || !matters || c->ndirty > 0 || !may_be_huge(c))
		return;
	if (!bell_says_near_limit() || !forbid(c))
		bell_spend(CHUNK_NPAGES);
}

void
hugepages_purge_rest(struct chunk *c, size_t nwent)
{
	if (nwent > 0 && nwent < CHUNK_NPAGES && may_be_huge(c))
		os_purge(c->base, CHUNK_BYTES);
}

void
hugepages_forbid(const struct os_range *range)
{
	if (forbid(region_chunk(region_find(range->addr), range->addr)))
		os_split_huge(range->addr, range->bytes);
}

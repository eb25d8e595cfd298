/*
 * drain.c -- see drain.h.
 */
#include "drain.h"
#include "thread.h"

/* The caller's own cache needs no closing: it is not in its fast path. */
static bool
quiesce(struct tcache *c)
{
	return c->anchor == &tcache_anchor || cache_close(c);
}

/* Undoes quiesce for a cache that its thread still wants. */
static void
let_go(struct tcache *c)
{
	if (c->anchor != &tcache_anchor)
		cache_open(c);
}

/* A number that changes whenever the owner does something with its cache. */
static uint64_t
signature(const struct tcache *c)
{
	uint64_t s = c->nfills + c->nflushes;

	for (unsigned cls = 1; cls < CLASS_RUN; cls++)
		s = s * 31 + (uintptr_t)c->bins[cls].top +
		    (uintptr_t)*c->bins[cls].top;
	return s;
}

/* Empties one cache if it is to be. True if it may hold something still. */
static bool
drain_one(struct tcache *c, bool only_quiet, struct drain_result *result)
{
	uint64_t now;

	/* Parked and emptied by an earlier visit, not touched since. */
	if (c->is_parked && c->is_quiet)
		return false;
	if (!quiesce(c))
		return true;
	now = signature(c);
	if (only_quiet && now != c->signature) {
		c->signature = now;
		let_go(c);
		return true;
	}
	cache_empty(c);
	c->signature = signature(c);
	c->ndrains++;
	c->is_quiet = c->is_parked;
	result->ndrained++;
	return false;
}

struct drain_result
drain_caches(bool only_quiet)
{
	struct drain_result result = { 0, 0, 0 };
	uint32_t round = thread_new_round();
	struct tcache *c;

	while ((c = thread_visit(round)) != NULL) {
		result.ncaches++;
		if (drain_one(c, only_quiet, &result))
			result.nactive++;
		lock_drop(&c->lock, LOCK_CACHE);
	}
	return result;
}

bool
drain_find(const void *p, unsigned cls)
{
	uint32_t round = thread_new_round();
	bool found = false;
	struct tcache *c;

	while (!found && (c = thread_visit(round)) != NULL) {
		if (quiesce(c)) {
			found = cache_holds(c, p, cls);
			let_go(c);
		}
		lock_drop(&c->lock, LOCK_CACHE);
	}
	return found;
}

void
drain_count(size_t counts[NCLASSES])
{
	uint32_t round = thread_new_round();
	struct tcache *c;

	while ((c = thread_visit(round)) != NULL) {
		bool was_parked = c->is_parked;

		if (quiesce(c)) {
			for (unsigned cls = 1; cls < CLASS_RUN; cls++)
				counts[cls] += cache_bin_count(&c->bins[cls]);
			if (!was_parked)
				let_go(c);
		}
		lock_drop(&c->lock, LOCK_CACHE);
	}
}

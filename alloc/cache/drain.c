/*
 * drain.c -- see drain.h.
 */
#include "../os/os.h"
#include "drain.h"
#include "closing.h"
#include "explicit.h"
#include "stack.h"
#include "thread.h"

/* The caller's own cache needs no closing: it is not in its fast path. */
static bool
quiesce(struct tcache *c)
{
	return c->anchor == &tcache_anchor || cache_close(c);
}

/*
 * Undoes quiesce. A cache that was parked before stays so: its owner has not
 * asked for it since, and an open one is work for each tick to come.
 */
static void
let_go(struct tcache *c, bool was_parked)
{
	if (c->anchor != &tcache_anchor && !was_parked)
		cache_open(c);
}

/* Empties what is to be emptied. True if something may be left. */
static bool
empty_some(struct tcache *c, bool only_quiet)
{
	cache_shrink(c);
	if (only_quiet)
		return cache_empty_quiet(c);
	cache_empty(c);
	return false;
}

/* One cache's turn. True if it may hold something still. */
static bool
drain_one(struct tcache *c, bool only_quiet, uint64_t now_ns,
	  struct drain_result *result)
{
	bool was_parked = c->is_parked;

	/* Parked and emptied by an earlier visit, not touched since. */
	if (c->is_parked && c->is_quiet)
		return false;
	if (only_quiet && !c->is_parked && !cache_is_over(c) &&
	    cache_looks_active(c))
		return true;
	if (!quiesce(c))
		/* In vain for ever where the kernel has no membarrier. */
		return thread_has_membarrier() && !cache_barrier_failed();
	if (empty_some(c, only_quiet)) {
		let_go(c, was_parked);
		return true;
	}
	c->ndrains++;
	c->is_quiet = c->is_parked;
	c->quiet_ns = now_ns;
	result->ndrained++;
	return false;
}

/* One that the program made: its lock is enough. */
static void
drain_explicit(struct tcache *c, bool only_quiet, struct drain_result *result)
{
	result->ncaches++;
	lock_take(&c->lock, LOCK_CACHE);
	if (empty_some(c, only_quiet))
		result->nactive++;
	lock_drop(&c->lock, LOCK_CACHE);
}

struct drain_result
drain_caches(bool only_quiet)
{
	struct drain_result result = { 0, 0, 0 };
	uint64_t now_ns = os_now_ns();
	struct explicit_cache *e;
	struct tcache *c;
	unsigned at = 0;

	thread_begin_round();
	while ((c = thread_visit()) != NULL) {
		result.ncaches++;
		if (drain_one(c, only_quiet, now_ns, &result))
			result.nactive++;
		lock_drop(&c->lock, LOCK_CACHE);
	}
	while ((e = explicit_next(&at)) != NULL)
		drain_explicit(&e->cache, only_quiet, &result);
	thread_end_round();
	return result;
}

static bool
explicit_holds(const void *p, unsigned cls)
{
	struct explicit_cache *e;
	bool found = false;
	unsigned at = 0;

	while (!found && (e = explicit_next(&at)) != NULL) {
		lock_take(&e->cache.lock, LOCK_CACHE);
		found = cache_holds(&e->cache, p, cls);
		lock_drop(&e->cache.lock, LOCK_CACHE);
	}
	return found;
}

bool
drain_find(const void *p, unsigned cls)
{
	bool found = false;
	struct tcache *c;

	thread_begin_round();
	while (!found && (c = thread_visit()) != NULL) {
		bool was_parked = c->is_parked;

		if (quiesce(c)) {
			found = cache_holds(c, p, cls);
			let_go(c, was_parked);
		}
		lock_drop(&c->lock, LOCK_CACHE);
	}
	found = found || explicit_holds(p, cls);
	thread_end_round();
	return found;
}

void
drain_look(drain_look_fn *look, void *arg)
{
	struct explicit_cache *e;
	struct tcache *c;
	unsigned at = 0;

	thread_begin_round();
	while ((c = thread_visit()) != NULL) {
		bool was_parked = c->is_parked;
		bool is_still = quiesce(c);

		look(c, is_still, arg);
		if (is_still)
			let_go(c, was_parked);
		lock_drop(&c->lock, LOCK_CACHE);
	}
	while ((e = explicit_next(&at)) != NULL) {
		lock_take(&e->cache.lock, LOCK_CACHE);
		look(&e->cache, true, arg);
		lock_drop(&e->cache.lock, LOCK_CACHE);
	}
	thread_end_round();
}

static void
add_counts(const struct tcache *c, bool is_still, void *arg)
{
	size_t *counts = arg;

	for (unsigned cls = 1; is_still && cls < CLASS_RUN; cls++)
		counts[cls] += cache_bin_count(&c->bins[cls]);
}

void
drain_count(size_t counts[NCLASSES])
{
	drain_look(add_counts, counts);
}

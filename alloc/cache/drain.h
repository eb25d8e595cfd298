/*
 * drain.h -- takes back what the caches of other threads hold.
 *
 * Above   control/trim (idle threads, malloc_trim), api (a suspected double
 *         free), control/stats
 * Lock    LOCK_THREADS and each cache's in turn, inside
 * Always  a thread in the middle of its fast path keeps its cache this time
 */
#ifndef TRI_CACHE_DRAIN_H
#define TRI_CACHE_DRAIN_H

#include "tcache.h"

struct drain_result {
	size_t ncaches;  /* there are */
	size_t ndrained; /* were emptied now */
	size_t nactive;  /* may hold blocks still */
};

/*
 * With only_quiet, empties the stacks in which nothing happened since the last
 * such call; without it, all stacks of all caches, the caller's own too.
 */
struct drain_result drain_caches(bool only_quiet);

/* True where some cache holds p as a free block of class cls. */
bool drain_find(const void *p, unsigned cls);

/*
 * Shows every cache to `look` (those that the program made have no anchor and
 * no thread), its lock held and, where is_still, its stacks
 * at rest; of a thread in the middle of a fast path they may not be read.
 */
typedef void drain_look_fn(const struct tcache *c, bool is_still, void *arg);
void drain_look(drain_look_fn *look, void *arg);

/*
 * Adds up the blocks that caches hold: counts[cls] += theirs. Caches of
 * threads in the middle of a fast path count as empty.
 */
void drain_count(size_t counts[NCLASSES]);

#endif

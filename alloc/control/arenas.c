/*
 * arenas.c -- see arenas.h.
 */
#include <errno.h>
#include <string.h>

#include "../base/options.h"
#include "../base/text.h"
#include "../cache/drain.h"
#include "../cache/explicit.h"
#include "../heap/reset.h"
#include "arenas.h"
#include "reclaim.h"

/* An arena that the program made; NULL. */
static struct arena *
find_apart(unsigned index)
{
	struct arena *a = arena_find(index);

	return a != NULL && arena_is_apart(a) ? a : NULL;
}

int
arenas_create(unsigned *index)
{
	struct arena *a = arena_make();

	if (a == NULL)
		return EAGAIN;
	*index = arena_index(a);
	return 0;
}

int
arenas_reset(unsigned index)
{
	struct arena *a = find_apart(index);

	if (a == NULL)
		return EFAULT;
	explicit_leave(a, false);
	/* No purge holds anything of it, no fork is in the middle. */
	reclaim_lock();
	arena_free_all(a);
	reclaim_unlock();
	return 0;
}

struct binding {
	const struct arena *arena;
	size_t nthreads;
};

static void
count_bound(const struct tcache *c, bool is_still UNUSED, void *arg)
{
	struct binding *b = arg;

	b->nthreads += c->anchor != NULL && c->arena == b->arena;
}

static bool
has_threads(const struct arena *a)
{
	struct binding b = { a, 0 };

	drain_look(count_bound, &b);
	return b.nthreads > 0;
}

/*
 * True where the program has stopped using it, and all of it is free now; its
 * chunks then are in *chunks.
 */
static bool
free_for_good(struct arena *a, struct list *chunks)
{
	bool is_free;

	explicit_leave(a, true);
	reclaim_lock();
	arena_free_all(a);
	lock_take(&a->pages.lock, LOCK_PAGES);
	is_free = a->pages.nused == 0;
	lock_drop(&a->pages.lock, LOCK_PAGES);
	if (is_free)
		*chunks = pageheap_detach(&a->pages);
	reclaim_unlock();
	return is_free;
}

int
arenas_destroy(unsigned index)
{
	struct arena *a = find_apart(index);
	struct list chunks;

	if (a == NULL || has_threads(a) || !arena_begin_end(a))
		return EFAULT;
	/* Nobody finds it now: who was bound to it since can be seen. */
	if (has_threads(a) || !free_for_good(a, &chunks)) {
		arena_go_on(a);
		return EFAULT;
	}
	/* The program's functions are called without a lock. */
	pageheap_end(&a->pages, chunks);
	arena_end(a);
	return 0;
}

int
arenas_hooks(unsigned index, struct extent_hooks **hooks)
{
	struct arena *a = arena_find(index);

	if (a == NULL)
		return EFAULT;
	*hooks = pageheap_hooks(&a->pages);
	if (*hooks == NULL)
		*hooks = (struct extent_hooks *)(uintptr_t)&hooks_default;
	return 0;
}

int
arenas_set_hooks(unsigned index, struct extent_hooks *hooks)
{
	struct arena *a = find_apart(index);
	struct extent_hooks *now;
	int err = arenas_hooks(index, &now);

	if (err == 0 && hooks == now)
		return 0;
	if (a == NULL || hooks == NULL || hooks->alloc == NULL)
		return EFAULT;
	pageheap_set_hooks(&a->pages, hooks, index);
	return 0;
}

/* --- what is known of each --------------------------------------------------------- */

int
arenas_name(unsigned index, char name[ARENA_NAME_BYTES])
{
	struct arena *a = arena_find(index);
	struct text t;

	if (a == NULL)
		return EFAULT;
	arena_get_name(a, name);
	if (name[0] != '\0')
		return 0;
	text_init(&t, name, ARENA_NAME_BYTES);
	text_str(&t, arena_is_apart(a) ? "manual_" : "auto_");
	text_uint(&t, index);
	name[t.len] = '\0';
	return 0;
}

int
arenas_rename(unsigned index, const char *name)
{
	struct arena *a = arena_find(index);

	if (a == NULL)
		return EFAULT;
	arena_set_name(a, name);
	return 0;
}

int
arenas_decay_ms(unsigned index, int64_t *decay_ms)
{
	struct arena *a = arena_find(index);

	if (a == NULL)
		return EFAULT;
	if (!arena_decay(a, decay_ms))
		*decay_ms = option(decay_ms);
	return 0;
}

int
arenas_set_decay_ms(unsigned index, int64_t decay_ms)
{
	struct arena *a = arena_find(index);

	if (a == NULL || decay_ms < -1 || decay_ms > INT64_MAX - 2)
		return EFAULT;
	arena_set_decay(a, decay_ms);
	return 0;
}

/* --- giving back ------------------------------------------------------------------- */

static int
give_back(unsigned index, bool all)
{
	struct arena *a = arena_find(index);

	if (a == NULL)
		return EFAULT;
	reclaim_arena(a, all);
	return 0;
}

int
arenas_purge(unsigned index)
{
	return give_back(index, true);
}

int
arenas_decay(unsigned index)
{
	return give_back(index, false);
}

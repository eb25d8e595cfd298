/*
 * ctl_arena.c -- arenas.* and arena.<i>.*: what there is, and giving it back.
 */
#include <errno.h>
#include <string.h>

#include "../base/options.h"
#include "../heap/arena.h"
#include "../pages/bell.h"
#include "ctl_stats.h"
#include "reclaim.h"
#include "trim.h"

/* --- indices --------------------------------------------------------------------- */

/* What arenas.narenas says: there are, or may come to be. */
static unsigned
narenas(void)
{
	return (unsigned)max_size(arena_limit(), arena_count());
}

/*
 * The index after the last one is an older way to say all of them, which
 * jemalloc still takes and Redis still says.
 */
static bool
is_arena_or_all(size_t n)
{
	return n == CTL_ARENAS_ALL || n <= narenas();
}

static bool
is_arena_in_use(size_t n)
{
	return n == CTL_ARENAS_ALL || n < arena_count();
}

static bool
is_bin(size_t n)
{
	return n < CLASS_SLAB_MAX;
}

static bool
is_lextent(size_t n)
{
	return n < CTL_NLEXTENTS;
}

static bool
is_class(size_t n)
{
	return n < CLASS_LARGE_MAX;
}

/* By what stands before the index. */
static const struct {
	const char *before;
	bool (*is_one)(size_t n);
} indices[] = {
	{ "stats.arenas.", is_arena_in_use },
	{ "arena.", is_arena_or_all },
	{ "bin.", is_bin },
	{ "bins.", is_bin },
	{ "lextent.", is_lextent },
	{ "extents.", is_lextent },
	{ "class.", is_class },
};

bool
ctl_has_index(const char *name, size_t at, size_t n)
{
	for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
		size_t len = strlen(indices[i].before);

		if (at >= len &&
		    memcmp(name + at - len, indices[i].before, len) == 0)
			return indices[i].is_one(n);
	}
	return false;
}

/* --- what there is ----------------------------------------------------------------- */

int
ctl_narenas(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->u = narenas();
	return 0;
}

int
ctl_narenas_of_threads(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->u = arena_limit();
	return 0;
}

/* Classes that thread caches keep. */
int
ctl_ncached(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->u = size_class((size_t)option(tcache_max));
	return 0;
}

/* Classes and bins count from 0 to the outside. */
int
ctl_class_size(const struct ctl_call *c, union ctl_value *v)
{
	v->size = class_size((unsigned)c->index[0] + 1);
	return 0;
}

int
ctl_bin_nregs(const struct ctl_call *c, union ctl_value *v)
{
	v->u32 = (uint32_t)class_nslots((unsigned)c->index[0] + 1);
	return 0;
}

int
ctl_lextent_size(const struct ctl_call *c, union ctl_value *v)
{
	v->size = (size_t)1 << (c->index[0] + CTL_LEXTENT_FIRST);
	return 0;
}

static bool
is_of_a_block(const void *p)
{
	struct region *r = region_find(p);

	return r != NULL &&
	       pagemap_get(r, region_page(r, p)) != CLASS_TO_MAP(CLASS_NONE);
}

/* The old value is the answer, the new one the question. */
int
ctl_lookup(const struct ctl_call *c)
{
	const struct arena *a;
	const void *p = NULL;
	unsigned index;
	int err = ctl_take(c, &p, sizeof p);

	if (err != 0)
		return err;
	if (!is_of_a_block(p))
		return EINVAL;
	a = arena_of(p);
	index = (unsigned)(a - arenas);
	return ctl_give(c, &index, sizeof index);
}

#define DECAY_MAX_MS 3600000

/* --- decay ------------------------------------------------------------------------- */

int
ctl_decay_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->ssize = (ssize_t)option(decay_ms);
	return 0;
}

/* The longest that the option takes stands for any that is longer. */
static bool
set_decay(ssize_t ms)
{
	return ms >= -1 && (options_set("decay_ms", ms) ||
			    options_set("decay_ms", DECAY_MAX_MS));
}

/* A new time takes all free pages for old, as jemalloc does. */
int
ctl_decay_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	if (!set_decay(v->ssize))
		return EFAULT;
	if (v->ssize >= 0)
		trim_now();
	/* Whoever slept for the old time is to look at the new one. */
	bell_dismiss();
	return 0;
}

/* The time for those to come: nothing is purged at once. */
int
ctl_decay_default_write(const struct ctl_call *c UNUSED,
			const union ctl_value *v)
{
	if (!set_decay(v->ssize))
		return EFAULT;
	bell_dismiss();
	return 0;
}

/* There are no muzzy pages: the time is kept for whoever asks again. */
static _Atomic int64_t muzzy_decay_ms;

int
ctl_muzzy_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	/* Relaxed: a number that nothing depends on. */
	v->ssize = (ssize_t)atomic_load_explicit(&muzzy_decay_ms,
						 memory_order_relaxed);
	return 0;
}

int
ctl_muzzy_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	if (v->ssize < -1)
		return EFAULT;
	atomic_store_explicit(&muzzy_decay_ms, v->ssize, memory_order_relaxed);
	return 0;
}

/* --- giving back ------------------------------------------------------------------- */

int
ctl_trim(const struct ctl_call *c UNUSED, const union ctl_value *v UNUSED)
{
	trim_now();
	return 0;
}

int
ctl_tick(const struct ctl_call *c UNUSED, const union ctl_value *v UNUSED)
{
	reclaim_tick(true);
	return 0;
}

/* --- what there is one of ------------------------------------------------------------ */

int
ctl_dss_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->words = "disabled";
	return 0;
}

/* jemalloc's words for sbrk, of which nothing is taken here. */
int
ctl_dss_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	const char *words = v->words;

	if (words == NULL)
		return EINVAL;
	if (strcmp(words, "disabled") == 0)
		return 0;
	return strcmp(words, "primary") == 0 || strcmp(words, "secondary") == 0
		       ? EFAULT
		       : EINVAL;
}

int
ctl_grow_limit_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	return v->size >= PAGE_BYTES ? 0 : EFAULT;
}

/*
 * ctl_arena.c -- arenas.* and arena.<i>.*: what there is, and giving it back.
 */
#include <errno.h>
#include <string.h>

#include "../heap/arena.h"
#include "ctl_row.h"
#include "trim.h"

/* --- indices --------------------------------------------------------------------- */

static bool
is_arena(size_t n)
{
	return n == CTL_ARENAS_ALL ||
	       n < max_size(arena_limit(), arena_count());
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
	return n < CLASS_LARGE_MAX - CLASS_SLAB_MAX;
}

/* By what stands before the index. */
static const struct {
	const char *before;
	bool (*is_one)(size_t n);
} indices[] = {
	{ "stats.arenas.", is_arena_in_use },
	{ "arena.", is_arena },
	{ "bin.", is_bin },
	{ "bins.", is_bin },
	{ "lextent.", is_lextent },
	{ "lextents.", is_lextent },
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
	v->u = (unsigned)max_size(arena_limit(), arena_count());
	return 0;
}

/* --- giving back ------------------------------------------------------------------- */

int
ctl_trim(const struct ctl_call *c UNUSED, const union ctl_value *v UNUSED)
{
	trim_now();
	return 0;
}

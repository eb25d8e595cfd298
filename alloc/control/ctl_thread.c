/*
 * ctl_thread.c -- thread.* and background_thread: the calling thread's cache
 * and arena, and the trim thread.
 */
#include <errno.h>

#include "../base/options.h"
#include "../cache/thread.h"
#include "../heap/arena.h"
#include "../pages/bell.h"
#include "ctl_row.h"

int
ctl_thread_arena_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->u = (unsigned)(cache_arena() - arenas);
	return 0;
}

int
ctl_thread_arena_write(const struct ctl_call *c UNUSED,
		       const union ctl_value *v)
{
	struct arena *a = arena_find(v->u);

	/* Without a cache a thread allocates from the first arena. */
	return a != NULL && (thread_set_arena(a) || v->u == 0) ? 0 : EFAULT;
}

int
ctl_cached_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->is = cache_own() != NULL;
	return 0;
}

int
ctl_cached_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	return thread_set_cached(v->is) == v->is ? 0 : EFAULT;
}

int
ctl_flush(const struct ctl_call *c UNUSED, const union ctl_value *v UNUSED)
{
	/* As jemalloc: who has no cache asked for what cannot be done. */
	if (cache_own() == NULL)
		return EFAULT;
	thread_flush();
	return 0;
}

int
ctl_idle(const struct ctl_call *c UNUSED, const union ctl_value *v UNUSED)
{
	thread_flush();
	return 0;
}

/* --- the trim thread ------------------------------------------------------------- */

int
ctl_background_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->is = option(trim_thread) != 0;
	return 0;
}

/* It is born with the next thread or free that wants it, and ends by itself. */
int
ctl_background_write(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	options_set("trim_thread", v->is);
	if (!v->is)
		bell_dismiss();
	return 0;
}

int
ctl_background_max_write(const struct ctl_call *c UNUSED,
			 const union ctl_value *v)
{
	return v->size == 1 ? 0 : EINVAL;
}

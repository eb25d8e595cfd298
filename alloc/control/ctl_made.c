/*
 * ctl_made.c -- tcache.*, arenas.create and what else is about the arenas and
 * caches that the program makes; the bytes that a thread counts.
 */
#include <errno.h>
#include <string.h>

#include "../cache/counts.h"
#include "../cache/explicit.h"
#include "arenas.h"
#include "ctl_row.h"
#include "reclaim.h"

/*
 * True where the number is, or was, that of an arena that the program made: what
 * is said of it is said of no other, also when it has ended.
 */
static bool
was_made(size_t index)
{
	return index < arena_count() && arena_is_apart(&arenas[index]);
}

static bool
is_there(size_t index)
{
	return index < arena_count() && arena_find((unsigned)index) != NULL;
}

/*
 * True where the answer has its place: what cannot be told to anybody is not
 * made.
 */
static bool
can_give_number(const struct ctl_call *c)
{
	if (c->oldp != NULL && c->oldlenp != NULL &&
	    *c->oldlenp == sizeof(unsigned))
		return true;
	if (c->oldlenp != NULL)
		*c->oldlenp = 0;
	return false;
}

/* --- caches -------------------------------------------------------------------- */

int
ctl_tcache_create(const struct ctl_call *c)
{
	unsigned index;

	if (c->newp != NULL || c->newlen != 0)
		return EPERM;
	if (!can_give_number(c))
		return EINVAL;
	if (!explicit_make(&index))
		return EFAULT;
	return ctl_give(c, &index, sizeof index);
}

int
ctl_tcache_flush(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	return explicit_flush(v->u) ? 0 : EFAULT;
}

int
ctl_tcache_destroy(const struct ctl_call *c UNUSED, const union ctl_value *v)
{
	return explicit_end(v->u) ? 0 : EFAULT;
}

/* --- arenas -------------------------------------------------------------------- */

int
ctl_arena_create(const struct ctl_call *c)
{
	struct extent_hooks *hooks = NULL;
	unsigned index;
	int err = ctl_take(c, &hooks, sizeof hooks);

	if (err != 0 || !can_give_number(c))
		return EINVAL;
	if (hooks != NULL && hooks->alloc == NULL)
		return EFAULT;
	err = arenas_create(&index);
	if (err == 0 && hooks != NULL)
		err = arenas_set_hooks(index, hooks);
	return err != 0 ? err : ctl_give(c, &index, sizeof index);
}

int
ctl_hooks_read(const struct ctl_call *c, union ctl_value *v)
{
	struct extent_hooks *hooks = NULL;
	int err = arenas_hooks((unsigned)c->index[0], &hooks);

	v->pointer = hooks;
	return err;
}

int
ctl_hooks_write(const struct ctl_call *c, const union ctl_value *v)
{
	return arenas_set_hooks((unsigned)c->index[0], v->pointer);
}

int
ctl_arena_initialized(const struct ctl_call *c, union ctl_value *v)
{
	size_t n = c->index[0];

	v->is = n == CTL_ARENAS_ALL || is_there(n);
	return 0;
}

int
ctl_arena_reset(const struct ctl_call *c, const union ctl_value *v UNUSED)
{
	return arenas_reset((unsigned)c->index[0]);
}

int
ctl_arena_destroy(const struct ctl_call *c, const union ctl_value *v UNUSED)
{
	return arenas_destroy((unsigned)c->index[0]);
}

/* One that has ended has nothing to give back: no error, as with jemalloc. */
int
ctl_arena_purge(const struct ctl_call *c, const union ctl_value *v)
{
	if (!was_made(c->index[0]))
		return ctl_trim(c, v);
	arenas_purge((unsigned)c->index[0]);
	return 0;
}

int
ctl_arena_decay(const struct ctl_call *c, const union ctl_value *v)
{
	if (!was_made(c->index[0]))
		return ctl_tick(c, v);
	arenas_decay((unsigned)c->index[0]);
	return 0;
}

int
ctl_arena_decay_read(const struct ctl_call *c, union ctl_value *v)
{
	int64_t decay_ms = 0;
	int err;

	if (!was_made(c->index[0]))
		return ctl_decay_read(c, v);
	err = arenas_decay_ms((unsigned)c->index[0], &decay_ms);
	v->ssize = (ssize_t)decay_ms;
	return err;
}

/* As with all of them, what is free counts as old at once. */
int
ctl_arena_decay_write(const struct ctl_call *c, const union ctl_value *v)
{
	unsigned index = (unsigned)c->index[0];
	int err;

	if (!was_made(c->index[0]))
		return ctl_decay_write(c, v);
	err = arenas_set_decay_ms(index, v->ssize);
	if (err == 0 && v->ssize >= 0)
		err = arenas_purge(index);
	return err;
}

/*
 * The old value is written where the caller's pointer points to, which has
 * room for ARENA_NAME_BYTES; whoever has no place sees one of ours.
 */
int
ctl_arena_name(const struct ctl_call *c)
{
	static char shown[ARENAS_MAX][ARENA_NAME_BYTES];
	unsigned index = (unsigned)c->index[0];
	char name[ARENA_NAME_BYTES], *to;
	const char *words = NULL;
	int err;

	if (index >= ARENAS_MAX)
		return EINVAL;
	err = arenas_name(index, name);
	if (err == 0)
		err = ctl_take(c, &words, sizeof words);
	if (err == 0 && c->newp != NULL && words == NULL)
		err = EINVAL;
	if (err != 0)
		return err;
	if (c->oldp != NULL && c->oldlenp != NULL) {
		if (*c->oldlenp != sizeof to)
			return EINVAL;
		memcpy(&to, c->oldp, sizeof to);
		if (to == NULL)
			to = shown[index];
		memcpy(to, name, sizeof name);
		memcpy(c->oldp, &to, sizeof to);
	}
	return words != NULL ? arenas_rename(index, words) : 0;
}

/* --- bytes --------------------------------------------------------------------- */

/* arg: which of the two. Asking begins to count. */
int
ctl_thread_bytes(const struct ctl_call *c, union ctl_value *v)
{
	const struct cache_counts *counts = counts_get();

	if (counts == NULL)
		return EAGAIN;
	v->u64 = *(const uint64_t *)(const void *)((const char *)counts +
						   c->row->arg);
	return 0;
}

int
ctl_thread_bytes_at(const struct ctl_call *c, union ctl_value *v)
{
	struct cache_counts *counts = counts_get();

	if (counts == NULL)
		return EAGAIN;
	v->pointer = (char *)counts + c->row->arg;
	return 0;
}

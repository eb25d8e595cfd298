/*
 * ctl_stats.c -- stats.*: what the snapshot said that the epoch names.
 *
 * A snapshot is taken where nobody holds a lock, put in the place of the last
 * one under LOCK_CTL, and read under it; nothing else happens there.
 */
#include <errno.h>
#include <string.h>

#include "../os/lock.h"
#include "../os/os.h"
#include "ctl_row.h"
#include "stats.h"

struct view {
	struct stats sum;
};

static struct {
	struct lock lock; /* LOCK_CTL */
	struct view *view;
	uint64_t epoch;
} ctl = { .epoch = 1 };

void
ctl_lock(void)
{
	lock_take(&ctl.lock, LOCK_CTL);
}

void
ctl_unlock(void)
{
	lock_drop(&ctl.lock, LOCK_CTL);
}

static struct view *
view_take(void)
{
	struct view *v = os_map(align_up(sizeof *v, PAGE_BYTES));

	if (v != NULL)
		stats_take(&v->sum);
	return v;
}

static void
view_free(struct view *v)
{
	if (v != NULL)
		os_release(v, align_up(sizeof *v, PAGE_BYTES));
}

/* A new snapshot for a new epoch; only_first: unless there is one. */
static int
refresh(bool only_first)
{
	struct view *v = view_take(), *old;

	if (v == NULL)
		return EAGAIN;
	ctl_lock();
	old = ctl.view;
	if (only_first && old != NULL) {
		old = v;
	} else {
		ctl.view = v;
		ctl.epoch += !only_first;
	}
	ctl_unlock();
	view_free(old);
	return 0;
}

/* The snapshot, and LOCK_CTL until ctl_unlock(); NULL, and no lock: no memory. */
static const struct view *
view_lock(void)
{
	for (;;) {
		ctl_lock();
		if (ctl.view != NULL)
			return ctl.view;
		ctl_unlock();
		if (refresh(true) != 0)
			return NULL;
	}
}

int
ctl_epoch_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	ctl_lock();
	v->u64 = ctl.epoch;
	ctl_unlock();
	return 0;
}

int
ctl_epoch_write(const struct ctl_call *c UNUSED,
		const union ctl_value *v UNUSED)
{
	return refresh(false);
}

int
ctl_sum_read(const struct ctl_call *c, union ctl_value *v)
{
	const struct view *view = view_lock();

	if (view == NULL)
		return EAGAIN;
	memcpy(v, (const char *)&view->sum + c->row->arg, sizeof *v);
	ctl_unlock();
	return 0;
}

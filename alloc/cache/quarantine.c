/*
 * quarantine.c -- see quarantine.h.
 */
#include "../base/check.h"
#include "../heap/direct.h"
#include "../heap/misuse.h"
#include "../heap/tail.h"
#include "../os/lock.h"
#include "../os/os.h"
#include "../pages/bell.h"
#include "quarantine.h"

struct entry {
	void *p;
	unsigned cls;
};

/* A ring: the block that is to leave next is at `first`. */
static struct {
	struct lock lock;
	struct entry *ring; /* NULL: none waits, ever */
	size_t nmax, first, n;
	size_t max_bytes, bytes;
	int fill;
} quarantine;

/* How many leave at a time, between two turns at the lock. */
#define BATCH 64u

void
quarantine_lock(void)
{
	lock_take(&quarantine.lock, LOCK_QUARANTINE);
}

void
quarantine_unlock(void)
{
	lock_drop(&quarantine.lock, LOCK_QUARANTINE);
}

void
quarantine_boot(size_t max_bytes, size_t max_blocks, int fill)
{
	size_t bytes = align_up(max_blocks * sizeof(struct entry), PAGE_BYTES);

	if (max_bytes == 0 || max_blocks == 0)
		return;
	quarantine.ring = os_map(bytes);
	quarantine.nmax = max_blocks;
	quarantine.max_bytes = max_bytes;
	quarantine.fill = fill;
}

/* --- leaving ----------------------------------------------------------------- */

static _Noreturn void
die_written(const void *p, const struct tail *t, size_t at)
{
	struct misuse m;
	struct text *s = misuse_begin(&m, "free()", p);

	text_str(s, " was written to after it was freed, ");
	if (t->state == TAIL_BROKEN) {
		text_str(s, "behind its end");
	} else {
		text_str(s, "at byte ");
		text_uint(s, at);
		text_str(s, " of ");
		text_uint(s, t->n);
	}
	misuse_die(&m, p);
}

/* Nobody else has the block. */
static void
look_at(const struct entry *e)
{
	struct tail t = tail_read(e->p, class_size(e->cls));
	size_t at = 0;

	if (t.state != TAIL_FREED)
		die_written(e->p, &t, 0);
	if (quarantine.fill != QUARANTINE_ANY)
		at = tail_first_unlike(e->p, t.n, (uint8_t)quarantine.fill);
	else
		at = t.n;
	if (at < t.n)
		die_written(e->p, &t, at);
	if (t.at != TAIL_WHOLE)
		die_written(e->p, &t, t.at);
}

static void
let_go(const struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		look_at(&entries[i]);
		direct_free(entries[i].p, entries[i].cls);
	}
	bell_ring();
}

static void
pop_locked(struct entry *out)
{
	*out = quarantine.ring[quarantine.first];
	quarantine.first = (quarantine.first + 1) % quarantine.nmax;
	quarantine.n--;
	quarantine.bytes -= class_size(out->cls);
}

/* --- coming --------------------------------------------------------------------- */

static bool
has_room_locked(size_t bytes)
{
	return quarantine.n < quarantine.nmax &&
	       quarantine.bytes + bytes <= quarantine.max_bytes;
}

static void
push_locked(void *p, unsigned cls)
{
	size_t at = (quarantine.first + quarantine.n) % quarantine.nmax;

	quarantine.ring[at] = (struct entry){ p, cls };
	quarantine.n++;
	quarantine.bytes += class_size(cls);
}

bool
quarantine_put(void *p, unsigned cls)
{
	struct entry leaving[BATCH];
	bool has_room;
	size_t n;

	if (quarantine.ring == NULL || class_size(cls) > quarantine.max_bytes)
		return false;
	do {
		n = 0;
		quarantine_lock();
		while (n < BATCH && !has_room_locked(class_size(cls)))
			pop_locked(&leaving[n++]);
		has_room = has_room_locked(class_size(cls));
		if (has_room)
			push_locked(p, cls);
		quarantine_unlock();
		let_go(leaving, n);
	} while (!has_room);
	return true;
}

void
quarantine_empty(void)
{
	struct entry leaving[BATCH];
	size_t left, n;

	quarantine_lock();
	left = quarantine.n;
	quarantine_unlock();
	/* Those that come meanwhile may stay. */
	while (left > 0) {
		n = 0;
		quarantine_lock();
		while (n < BATCH && n < left && quarantine.n > 0)
			pop_locked(&leaving[n++]);
		quarantine_unlock();
		let_go(leaving, n);
		left = n == 0 ? 0 : left - n;
	}
}

void
quarantine_look(quarantine_look_fn *look, void *arg)
{
	quarantine_lock();
	for (size_t i = 0; i < quarantine.n; i++) {
		size_t at = (quarantine.first + i) % quarantine.nmax;

		look(quarantine.ring[at].p, quarantine.ring[at].cls, arg);
	}
	quarantine_unlock();
}

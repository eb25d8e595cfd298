/*
 * guard.c -- see guard.h.
 */
#include <string.h>

#include "../os/guarded.h"
#include "../os/lock.h"
#include "guard.h"

/* The end of the queue. */
#define NO_SLOT UINT32_MAX

struct guard_range guard_range;

static struct {
	struct lock lock; /* LOCK_GUARD */
	struct guard_slot *slots;
	size_t nslots, slot_bytes, guard_bytes;
	size_t nfresh;        /* slots before it have been used */
	size_t nout;          /* slots that are not in the queue */
	uint32_t first, last; /* freed ones, the one freed first at the front */
	_Atomic uint64_t bytes; /* of live blocks */
	_Atomic uint64_t nsampled, nfull, nrefused, nerrors;
} pool;

static void
count(_Atomic uint64_t *n)
{
	/* Relaxed: numbers for reports. */
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

bool
guard_boot(size_t nslots)
{
	size_t guard = os_page_bytes();
	size_t slot = align_up(GUARD_BYTES_MAX, guard);
	size_t bytes = guard + nslots * (slot + guard);
	size_t records = align_up(nslots * sizeof pool.slots[0], PAGE_BYTES);
	char *at;

	if (guard_is_on() || nslots == 0)
		return guard_is_on();
	pool.slots = os_map(records);
	at = pool.slots == NULL ? NULL : os_reserve(bytes, guard);
	if (at == NULL) {
		os_release(pool.slots, pool.slots == NULL ? 0 : records);
		return false;
	}
	pool.nslots = nslots;
	pool.slot_bytes = slot;
	pool.guard_bytes = guard;
	pool.first = pool.last = NO_SLOT;
	guard_range = (struct guard_range){ (uintptr_t)at, bytes };
	return true;
}

static char *
slot_start(size_t index)
{
	return (char *)guard_range.base + pool.guard_bytes +
	       index * (pool.slot_bytes + pool.guard_bytes);
}

static size_t
index_of(const struct guard_slot *s)
{
	return (size_t)(s - pool.slots);
}

/* Acquire: pairs with the release in set_state(). */
static uint32_t
state_of(const struct guard_slot *s)
{
	return atomic_load_explicit(&s->state, memory_order_acquire);
}

/* Release: whoever sees the state sees the record as it was then. */
static void
set_state(struct guard_slot *s, enum guard_state state)
{
	atomic_store_explicit(&s->state, state, memory_order_release);
}

/* --- the queue ----------------------------------------------------------------- */

static size_t
nout_max(void)
{
	return max_size(pool.nslots / 2, 1);
}

/* A slot that was never used, or the one that was freed first; or NULL. */
static struct guard_slot *
take_slot(void)
{
	struct guard_slot *s = NULL;

	lock_take(&pool.lock, LOCK_GUARD);
	if (pool.nout < nout_max() && pool.nfresh < pool.nslots) {
		s = &pool.slots[pool.nfresh++];
	} else if (pool.nout < nout_max() && pool.first != NO_SLOT) {
		s = &pool.slots[pool.first];
		pool.first = s->next;
		if (pool.first == NO_SLOT)
			pool.last = NO_SLOT;
	}
	if (s != NULL) {
		s->is_queued = false;
		pool.nout++;
	}
	lock_drop(&pool.lock, LOCK_GUARD);
	return s;
}

static void
put_locked(struct guard_slot *s)
{
	uint32_t index = (uint32_t)index_of(s);

	s->next = NO_SLOT;
	s->is_queued = true;
	if (pool.last == NO_SLOT)
		pool.first = index;
	else
		pool.slots[pool.last].next = index;
	pool.last = index;
	pool.nout--;
}

static void
put_slot(struct guard_slot *s)
{
	lock_take(&pool.lock, LOCK_GUARD);
	put_locked(s);
	lock_drop(&pool.lock, LOCK_GUARD);
}

/* --- records --------------------------------------------------------------------- */

static NOINLINE void
write_note(struct guard_note *n)
{
	n->tid = os_thread_id();
	os_thread_name(n->name);
	stack_copy(&n->stack, (uintptr_t)__builtin_frame_address(0));
}

/* Where a block of n bytes stands in its slot, and which pages it needs. */
static void
place(struct guard_slot *s, size_t n, size_t alignment, bool is_right)
{
	char *start = slot_start(index_of(s));
	char *end = start + pool.slot_bytes;

	s->bytes = n;
	s->block = start;
	s->pages = start;
	if (is_right) {
		s->block = end - align_up(n, alignment);
		s->pages = s->block - (uintptr_t)s->block % pool.guard_bytes;
		s->open_bytes = (size_t)(end - s->pages);
	} else {
		s->open_bytes = align_up(n, pool.guard_bytes);
	}
}

static size_t
front_bytes(const struct guard_slot *s)
{
	return (size_t)(s->block - s->pages);
}

static size_t
tail_bytes(const struct guard_slot *s)
{
	return s->open_bytes - front_bytes(s) - s->bytes;
}

static void
fill_around(const struct guard_slot *s)
{
	if (s->is_open)
		memset(s->block, 0, s->bytes);
	memset(s->pages, GUARD_FILL, front_bytes(s));
	memset(s->block + s->bytes, GUARD_FILL, tail_bytes(s));
}

/* The first of n bytes that is not as fill_around() left it, or NULL. */
static const char *
find_written(const char *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)at[i] != GUARD_FILL)
			return at + i;
	}
	return NULL;
}

const char *
guard_spoiled(const struct guard_slot *s)
{
	const char *p = find_written(s->block + s->bytes, tail_bytes(s));

	return p != NULL ? p : find_written(s->pages, front_bytes(s));
}

/* --- blocks ------------------------------------------------------------------------ */

void *
guard_alloc(size_t n, size_t alignment)
{
	struct guard_slot *s;

	n = max_size(n, 1);
	alignment = max_size(alignment, QUANTUM_BYTES);
	if (n > GUARD_BYTES_MAX || alignment > PAGE_BYTES)
		return NULL;
	s = take_slot();
	if (s == NULL) {
		count(&pool.nfull);
		return NULL;
	}
	set_state(s, GUARD_CLAIMED);
	place(s, n, alignment, (os_random() & 1) != 0);
	if (!os_commit(s->pages, s->open_bytes)) {
		count(&pool.nrefused);
		set_state(s, GUARD_FREED);
		put_slot(s);
		return NULL;
	}
	fill_around(s);
	s->is_open = false;
	s->freed.tid = 0;
	write_note(&s->allocated);
	/* Relaxed: nobody has the block yet. */
	atomic_store_explicit(&s->was_reported, false, memory_order_relaxed);
	atomic_fetch_add_explicit(&pool.bytes, n, memory_order_relaxed);
	set_state(s, GUARD_LIVE);
	count(&pool.nsampled);
	return s->block;
}

struct guard_slot *
guard_slot_of(const void *p)
{
	size_t stride = pool.slot_bytes + pool.guard_bytes;
	uintptr_t at = (uintptr_t)p - guard_range.base;
	size_t i = at < pool.guard_bytes ? 0 : (at - pool.guard_bytes) / stride;

	return &pool.slots[min_size(i, pool.nslots - 1)];
}

/* Bytes from an address to a slot's block; a slot without one is far away. */
static size_t
distance(const struct guard_slot *s, const char *p)
{
	if (s->block == NULL)
		return SIZE_MAX;
	if (p < s->block)
		return (size_t)(s->block - p);
	return p < s->block + s->bytes ? 0 : (size_t)(p - s->block) - s->bytes;
}

struct guard_slot *
guard_slot_near(const void *p)
{
	struct guard_slot *s = guard_slot_of(p);
	const char *end = slot_start(index_of(s)) + pool.slot_bytes;

	if ((const char *)p < end || index_of(s) + 1 == pool.nslots)
		return s;
	return distance(s + 1, p) < distance(s, p) ? s + 1 : s;
}

size_t
guard_bytes(const void *p)
{
	const struct guard_slot *s = guard_slot_of(p);

	return state_of(s) == GUARD_LIVE && s->block == p ? s->bytes : 0;
}

enum guard_verdict
guard_free(void *p)
{
	struct guard_slot *s = guard_slot_of(p);
	uint32_t live = GUARD_LIVE;

	if (guard_bytes(p) == 0)
		return GUARD_NONE;
	if (guard_spoiled(s) != NULL)
		return GUARD_SPOILED;
	/* Acquire: pairs with set_state(). Of two that free it one wins. */
	if (!atomic_compare_exchange_strong_explicit(
		    &s->state, &live, GUARD_CLAIMED, memory_order_acq_rel,
		    memory_order_acquire))
		return GUARD_NONE;
	atomic_fetch_sub_explicit(&pool.bytes, s->bytes, memory_order_relaxed);
	write_note(&s->freed);
	set_state(s, GUARD_FREED);
	s->is_open = !os_decommit(slot_start(index_of(s)), pool.slot_bytes);
	if (s->is_open)
		count(&pool.nrefused);
	put_slot(s);
	return GUARD_GONE;
}

bool
guard_note_error(struct guard_slot *s)
{
	/* Relaxed: a flag alone. */
	if (atomic_exchange_explicit(&s->was_reported, true,
				     memory_order_relaxed))
		return false;
	count(&pool.nerrors);
	return true;
}

/* --- statistics -------------------------------------------------------------------- */

void
guard_stats(struct guard_stats *out)
{
	*out = (struct guard_stats){ .nslots = pool.nslots };
	for (size_t i = 0; i < pool.nslots; i++) {
		const struct guard_slot *s = &pool.slots[i];
		uint32_t state = state_of(s);

		out->nlive += state == GUARD_LIVE;
		out->nfreed += state == GUARD_FREED;
	}
	/* Relaxed: sums. */
	out->bytes = atomic_load_explicit(&pool.bytes, memory_order_relaxed);
	out->nsampled = atomic_load_explicit(&pool.nsampled,
					     memory_order_relaxed);
	out->nfull = atomic_load_explicit(&pool.nfull, memory_order_relaxed);
	out->nrefused = atomic_load_explicit(&pool.nrefused,
					     memory_order_relaxed);
	out->nerrors = atomic_load_explicit(&pool.nerrors,
					    memory_order_relaxed);
}

/* --- fork ---------------------------------------------------------------------------- */

void
guard_lock(void)
{
	lock_take(&pool.lock, LOCK_GUARD);
}

void
guard_unlock(void)
{
	lock_drop(&pool.lock, LOCK_GUARD);
}

void
guard_child_release(void)
{
	for (size_t i = 0; i < pool.nfresh; i++) {
		struct guard_slot *s = &pool.slots[i];

		/* Not the program's, and who was about to move it is gone. */
		if (s->is_queued || state_of(s) == GUARD_LIVE)
			continue;
		s->is_open = true;
		set_state(s, GUARD_FREED);
		put_locked(s);
	}
	guard_unlock();
}

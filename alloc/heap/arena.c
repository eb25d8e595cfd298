/*
 * arena.c -- see arena.h.
 */
#include <string.h>

#include "arena.h"
#include "../base/options.h"

struct arena arenas[ARENAS_MAX];

/* Births so far, and the cap once it is known (0: not yet). */
static _Atomic unsigned nbirths;
static _Atomic unsigned cap;

/* The first one is used even by threads that have no cache. */
static _Atomic unsigned nused = 1;

/*
 * Arenas that the program made: the lowest number they may have (0: there was
 * none yet), those whose number is taken, and those that can be found.
 */
static struct {
	struct lock lock; /* LOCK_ARENAS; it orders the writers of all these */
	_Atomic unsigned base;
	uint64_t taken;
	_Atomic uint64_t live;
} apart;

static_assert(ARENAS_MAX == 64, "one bit for each");

void
arena_hold(void)
{
	lock_take(&apart.lock, LOCK_ARENAS);
}

void
arena_release(void)
{
	lock_drop(&apart.lock, LOCK_ARENAS);
}

/* --- automatic ones ----------------------------------------------------------- */

static unsigned
limit(void)
{
	unsigned n = (unsigned)option(narenas);

	if (n != 0)
		return n;
	/* Relaxed: all threads would compute the same number. */
	n = atomic_load_explicit(&cap, memory_order_relaxed);
	if (n != 0)
		return n;
	n = (unsigned)min_size(os_ncpus(), ARENAS_DEFAULT);
	atomic_store_explicit(&cap, n, memory_order_relaxed);
	return n;
}

/* Relaxed: who must know for sure holds the lock. */
static unsigned
base(void)
{
	return atomic_load_explicit(&apart.base, memory_order_relaxed);
}

unsigned
arena_limit(void)
{
	unsigned n = limit();

	return base() != 0 ? (unsigned)min_size(n, base()) : n;
}

unsigned
arena_count(void)
{
	/*
	 * Acquire: pairs with the release in note_used_locked(), so that who
	 * counts an arena that the program made knows that there is one.
	 */
	return atomic_load_explicit(&nused, memory_order_acquire);
}

static void
note_used_locked(unsigned index)
{
	if (index >= arena_count())
		/* Release: after the base, see arena_count(). */
		atomic_store_explicit(&nused, index + 1, memory_order_release);
}

/* An automatic one; where its number is another's now, one below that. */
static struct arena *
use_automatic(unsigned index)
{
	if (index < arena_count() && base() == 0)
		return &arenas[index];
	arena_hold();
	if (base() != 0)
		index %= base();
	note_used_locked(index);
	arena_release();
	return &arenas[index];
}

struct arena *
arena_choose(void)
{
	unsigned birth = atomic_fetch_add_explicit(&nbirths, 1,
						   memory_order_relaxed);

	return use_automatic(birth == 0 ? 0 : birth % arena_limit());
}

/* --- those that the program made ------------------------------------------------ */

static uint64_t
bit_of(const struct arena *a)
{
	return (uint64_t)1 << arena_index(a);
}

static bool
is_live(const struct arena *a)
{
	/* Acquire: pairs with the release in set_live_locked(). */
	return atomic_load_explicit(&apart.live, memory_order_acquire) &
	       bit_of(a);
}

static void
set_live_locked(const struct arena *a, bool is)
{
	uint64_t live = atomic_load_explicit(&apart.live, memory_order_relaxed);

	live = is ? live | bit_of(a) : live & ~bit_of(a);
	/* Release: whoever finds an arena finds it made. */
	atomic_store_explicit(&apart.live, live, memory_order_release);
}

struct arena *
arena_find(unsigned index)
{
	if (index >= ARENAS_MAX)
		return NULL;
	if (is_live(&arenas[index]))
		return &arenas[index];
	return index < arena_limit() ? use_automatic(index) : NULL;
}

/* A number that is free, or ARENAS_MAX. */
static unsigned
free_index_locked(unsigned automatic)
{
	unsigned index;

	if (base() == 0)
		atomic_store_explicit(
			&apart.base,
			(unsigned)max_size(automatic, arena_count()),
			memory_order_relaxed);
	for (index = base(); index < ARENAS_MAX; index++) {
		if (!(apart.taken >> index & 1))
			break;
	}
	return index;
}

struct arena *
arena_make(void)
{
	unsigned automatic = limit(), index;
	struct arena *a = NULL;

	arena_hold();
	index = free_index_locked(automatic);
	if (index < ARENAS_MAX) {
		a = &arenas[index];
		a->pages.is_apart = true;
		a->name[0] = '\0';
		arena_set_decay(a, INT64_MIN);
		apart.taken |= bit_of(a);
		note_used_locked(index);
		set_live_locked(a, true);
	}
	arena_release();
	return a;
}

bool
arena_begin_end(struct arena *a)
{
	bool was_live;

	arena_hold();
	was_live = is_live(a);
	set_live_locked(a, false);
	arena_release();
	return was_live;
}

void
arena_go_on(struct arena *a)
{
	arena_hold();
	set_live_locked(a, true);
	arena_release();
}

void
arena_end(struct arena *a)
{
	arena_hold();
	apart.taken &= ~bit_of(a);
	arena_release();
}

/* --- what is known of each --------------------------------------------------------- */

struct arena *
arena_of(const void *addr)
{
	return list_entry(pageheap_of(addr), struct arena, pages);
}

void
arena_set_name(struct arena *a, const char *name)
{
	arena_hold();
	strncpy(a->name, name, ARENA_NAME_BYTES - 1);
	a->name[ARENA_NAME_BYTES - 1] = '\0';
	arena_release();
}

void
arena_get_name(struct arena *a, char name[ARENA_NAME_BYTES])
{
	arena_hold();
	memcpy(name, a->name, ARENA_NAME_BYTES);
	arena_release();
}

bool
arena_decay(const struct arena *a, int64_t *decay_ms)
{
	/* Relaxed: a number. */
	int64_t n = atomic_load_explicit(&a->decay, memory_order_relaxed);

	*decay_ms = n - 2;
	return n > 0;
}

void
arena_set_decay(struct arena *a, int64_t decay_ms)
{
	int64_t n = decay_ms < -1 ? 0 : decay_ms + 2;

	atomic_store_explicit(&a->decay, n, memory_order_relaxed);
}

/*
 * reclaim.c -- see reclaim.h.
 */
#include <limits.h>

#include "../base/options.h"
#include "../cache/drain.h"
#include "../cache/quarantine.h"
#include "../heap/large.h"
#include "../pages/bell.h"
#include "reclaim.h"

/* Under pressure a tick is this part of the usual one. */
#define PRESSURE_TICKS 5

/* Dirty memory, and slabs in which something was freed, of some MiB. */
#define WORTH_PAGES (4 * MIB >> PAGE_SHIFT)
#define WORTH_SLABS (16 * MIB / SLAB_BYTES)

/* Limits are looked at as often, and when a budget was used up. */
#define LOOK_NS (20 * NS_PER_MS)

/* Twice what demand looks back on. */
#define STUCK_TICKS (2 * DECAY_WINDOW_MAX)

/* How often a cache whose owner is in the midst of its fast path is tried. */
#define TRIES 4

static struct {
	struct lock relief; /* LOCK_RELIEF: one thread relieves at a time */
	struct lock lock;   /* LOCK_TRIM, for all that is not atomic */
	struct decay decay;
	struct pressure pressure;
	struct purge_stats slabs;
	uint64_t nrefaults; /* of all page heaps and bins, at the last tick */
	size_t ndirty;      /* after the last tick, and for how many more */
	unsigned nstuck;    /* ticks it did not change */
	uint64_t looked_ns; /* at the limits */
	bool has_budget;    /* that look found one, and set bell_budget */
	_Atomic uint64_t nticks, ndrains, nforced, drain_ns;
	_Atomic unsigned level; /* enum pressure_level */
	_Atomic bool has_begun; /* a pressure, since the last tick */
} reclaim;

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	/* Relaxed: sums for reports. */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void
lock(void)
{
	lock_take(&reclaim.lock, LOCK_TRIM);
}

static void
unlock(void)
{
	lock_drop(&reclaim.lock, LOCK_TRIM);
}

void
reclaim_lock(void)
{
	lock_take(&reclaim.relief, LOCK_RELIEF);
	lock();
}

void
reclaim_unlock(void)
{
	unlock();
	lock_drop(&reclaim.relief, LOCK_RELIEF);
}

size_t
reclaim_ndirty(void)
{
	size_t n = pagepool_ndirty();

	for (unsigned i = 0; i < arena_count(); i++)
		n += pageheap_ndirty(&arenas[i].pages);
	return n;
}

bool
reclaim_is_worth_it(void)
{
	return reclaim_ndirty() >= WORTH_PAGES || bin_nyoung() >= WORTH_SLABS;
}

/* --- caches, empty slabs, shelves -------------------------------------------- */

static struct drain_result
drain(bool only_quiet)
{
	uint64_t before = os_now_ns();
	struct drain_result r = drain_caches(only_quiet);

	count(&reclaim.ndrains, r.ndrained);
	count(&reclaim.drain_ns, ns_since(before, os_now_ns()));
	return r;
}

/*
 * All that waits, and all caches, but for those whose owners are unlucky TRIES
 * times.
 */
static void
drain_all(void)
{
	quarantine_empty();
	for (unsigned i = 0; i < TRIES && drain(false).nactive > 0; i++)
		os_yield();
}

static void
retire_empty_slabs(struct arena *a, bool only_idle)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		/* Never used, never touched. */
		if (bin_is_used(&a->bins[cls]))
			bin_trim(&a->bins[cls], only_idle);
	}
}

/* Under the lock: whoever ends an arena waits for slabs that leave it. */
static void
retire(bool only_idle)
{
	lock();
	for (unsigned i = 0; i < arena_count(); i++) {
		retire_empty_slabs(&arenas[i], only_idle);
		large_trim(&arenas[i], only_idle);
	}
	unlock();
}

/* --- pages ----------------------------------------------------------------------- */

/* What an arena's own decay time makes of the one of all. */
enum own_decay {
	OWN_NONE, /* nothing: the pace is that of all */
	OWN_NEVER,
	OWN_AT_ONCE,
};

static enum own_decay
own_decay(const struct arena *a)
{
	int64_t decay_ms;

	if (!arena_decay(a, &decay_ms) || decay_ms > 0)
		return OWN_NONE;
	return decay_ms < 0 ? OWN_NEVER : OWN_AT_ONCE;
}

/* Pages of an arena's slabs. */
static void
purge_slabs_of_locked(struct arena *a, unsigned quiet_ticks,
		      struct bin_purged *sum)
{
	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		struct bin *b = &a->bins[cls];
		struct bin_purged one;

		if (!bin_is_used(b))
			continue;
		one = bin_purge(b, quiet_ticks, &reclaim.slabs);
		sum->nyoung += one.nyoung;
		sum->nrefaults += one.nrefaults;
	}
}

/* No slab is ever quiet for so long. */
#define QUIET_NEVER UINT_MAX

/* all: whatever the arenas' own decay times say. */
static struct bin_purged
purge_slabs_locked(unsigned quiet_ticks, bool all)
{
	struct bin_purged sum = { 0, 0 };

	for (unsigned i = 0; i < arena_count(); i++) {
		enum own_decay own = own_decay(&arenas[i]);
		unsigned quiet = quiet_ticks;
		size_t nyoung = sum.nyoung;

		if (!all && own != OWN_NONE)
			quiet = own == OWN_AT_ONCE ? 0 : QUIET_NEVER;
		purge_slabs_of_locked(&arenas[i], quiet, &sum);
		/* Slabs that nobody will purge are nothing to wait for. */
		if (quiet == QUIET_NEVER)
			sum.nyoung = nyoung;
	}
	return sum;
}

/*
 * How much may go: what is dirty beyond the demand of the last ticks, so that
 * bursts do not fault in again what was given back between them.
 */
static size_t
surplus_locked(void)
{
	size_t dirty = reclaim_ndirty(), demand = 0;
	unsigned window = reclaim.decay.window;

	if (window == 0)
		window = DECAY_WINDOW_MIN;
	for (unsigned i = 0; i < arena_count(); i++) {
		demand += pageheap_tick(&arenas[i].pages, window);
		/* None of them is to go, and so none is too many. */
		if (own_decay(&arenas[i]) == OWN_NEVER)
			demand += pageheap_ndirty(&arenas[i].pages);
	}
	return dirty > demand ? dirty - demand : 0;
}

static size_t
purge_runs_locked(bool only_stale, size_t max_pages, bool all)
{
	size_t n = pagepool_purge(only_stale, max_pages);

	for (unsigned i = 0; i < arena_count(); i++) {
		struct pageheap *ph = &arenas[i].pages;
		enum own_decay own = own_decay(&arenas[i]);

		if (all || own == OWN_NONE)
			n += pageheap_purge(ph, only_stale,
					    max_pages - min_size(max_pages, n));
		else if (own == OWN_AT_ONCE)
			n += pageheap_purge(ph, false, SIZE_MAX);
	}
	return n;
}

/* Page heaps' refaults; read without their locks, a hint. */
static uint64_t
refaults_of_runs(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < arena_count(); i++)
		n += pageheap_nrefaults(&arenas[i].pages);
	return n;
}

/* As long as decay_ms, and longer by as much as the demand looks back. */
static unsigned
quiet_ticks(void)
{
	unsigned window = reclaim.decay.window;

	if (option(decay_ms) <= 0)
		return option(decay_ms) < 0 ? QUIET_NEVER : 0;
	return DECAY_TICKS +
	       (window > DECAY_WINDOW_MIN ? window - DECAY_WINDOW_MIN : 0);
}

/* Pages that were taken again since the last tick. */
static size_t
new_refaults_locked(const struct bin_purged *slabs)
{
	uint64_t before = reclaim.nrefaults;

	reclaim.nrefaults = slabs->nrefaults + refaults_of_runs();
	return (size_t)(reclaim.nrefaults - before);
}

/* What a tick purges; how many slabs will be of interest at the next. */
static size_t
decay_locked(void)
{
	uint64_t before = reclaim.slabs.npages;
	struct bin_purged slabs = purge_slabs_locked(quiet_ticks(), false);
	size_t n = (size_t)(reclaim.slabs.npages - before);
	size_t nrefaults = new_refaults_locked(&slabs);
	size_t max_pages = surplus_locked();

	if (option(decay_ms) == 0)
		n += purge_runs_locked(false, SIZE_MAX, false);
	else
		n += purge_runs_locked(
			true, option(decay_ms) < 0 ? 0 : max_pages, false);
	decay_tick(&reclaim.decay, n, nrefaults);
	return slabs.nyoung;
}

/* Everything; returns bytes. */
static size_t
purge_all_locked(void)
{
	uint64_t before = reclaim.slabs.npages;
	struct bin_purged slabs = purge_slabs_locked(0, true);
	size_t n = (size_t)(reclaim.slabs.npages - before);

	n += purge_runs_locked(false, SIZE_MAX, true);
	new_refaults_locked(&slabs);
	decay_forget(&reclaim.decay);
	if (reclaim.pressure.level != PRESSURE_NONE)
		pressure_gave(&reclaim.pressure, n << PAGE_SHIFT);
	return n << PAGE_SHIFT;
}

/* --- pressure --------------------------------------------------------------------- */

static enum pressure_level
level(void)
{
	/* Relaxed: a number. */
	return atomic_load_explicit(&reclaim.level, memory_order_relaxed);
}

/* A look reads half a dozen files: not at each of a thousand ticks a second. */
static bool
may_look(void)
{
	uint64_t now = os_now_ns();
	bool may;

	if (option(pressure_percent) == 0)
		return false;
	lock();
	may = bell_is_spent() || reclaim.looked_ns == 0 ||
	      now < reclaim.looked_ns || now - reclaim.looked_ns >= LOOK_NS;
	if (may)
		reclaim.looked_ns = now;
	unlock();
	return may;
}

/*
 * Looks at the limits. A budget rings the bell before the next look if memory
 * grows fast. Under pressure there is a new one only after a purge: until then
 * it stays spent, and threads that allocate come to relieve, and wait.
 */
static void
look(bool has_purged)
{
	unsigned percent = (unsigned)option(pressure_percent);
	enum pressure_level before = level(), now;
	struct os_memory m;
	const struct os_memory *limit;
	uint64_t stall_us;

	limit = os_memory(percent, &m) ? &m : NULL;
	stall_us = limit != NULL ? os_memory_stall_us() : 0;
	lock();
	now = pressure_look(&reclaim.pressure, limit, stall_us, os_now_ns());
	if (has_purged || now == PRESSURE_NONE)
		bell_allow(pressure_budget(&reclaim.pressure, limit));
	reclaim.has_budget = limit != NULL;
	unlock();
	/* Relaxed: a number and a hint, both read by who looks. */
	atomic_store_explicit(&reclaim.level, now, memory_order_relaxed);
	bell_near_limit(now != PRESSURE_NONE);
	if (now != PRESSURE_NONE && before == PRESSURE_NONE)
		atomic_store_explicit(&reclaim.has_begun, true,
				      memory_order_relaxed);
}

bool
reclaim_watch(void)
{
	if (may_look())
		look(false);
	return level() != PRESSURE_NONE;
}

uint64_t
reclaim_tick_ns(void)
{
	int64_t decay_ms = option(decay_ms);
	uint64_t ns;

	/* Never purged: caches are drained all the same. */
	if (decay_ms < 0)
		decay_ms = 1000;
	ns = max_size((size_t)decay_ms / DECAY_TICKS, 1) * NS_PER_MS;
	return level() == PRESSURE_NONE ? ns : ns / PRESSURE_TICKS;
}

/* --- all of it --------------------------------------------------------------------- */

/*
 * True where a tick may find dirty pages to purge. Those of which none went for
 * longer than any demand looks back are ones that the kernel does not take (a
 * sandbox forbids it, its pages are larger than ours): no reason to wake up.
 */
static bool
has_dirty_locked(size_t nyoung)
{
	size_t now = reclaim_ndirty();

	/* Never purged, but under pressure: somebody has to watch for that. */
	if (option(decay_ms) < 0)
		return now > 0 && reclaim.has_budget;

	if (now != reclaim.ndirty || nyoung > 0)
		reclaim.nstuck = 0;
	reclaim.ndirty = now;
	return now > 0 && reclaim.nstuck++ < STUCK_TICKS;
}

/* An arena that wants it at once has it so where the others never do. */
static bool
is_decay_wanted(void)
{
	if (option(decay_ms) >= 0)
		return true;
	for (unsigned i = 0; i < arena_count(); i++) {
		if (own_decay(&arenas[i]) == OWN_AT_ONCE)
			return true;
	}
	return false;
}

/* Pages, by decay or all; true where a tick will find some again. */
static bool
purge(void)
{
	size_t nyoung = 0;
	bool has_dirty;

	lock();
	if (level() != PRESSURE_NONE)
		purge_all_locked();
	else if (is_decay_wanted())
		nyoung = decay_locked();
	has_dirty = has_dirty_locked(nyoung);
	unlock();
	return nyoung > 0 || has_dirty;
}

bool
reclaim_tick(bool caches)
{
	bool has_active = false, has_work, begins;

	reclaim_watch();
	begins = atomic_exchange_explicit(&reclaim.has_begun, false,
					  memory_order_relaxed);
	count(&reclaim.nticks, 1);
	if (caches && (begins || level() == PRESSURE_CRITICAL))
		drain_all();
	if (level() != PRESSURE_NONE)
		quarantine_empty();
	if (caches)
		has_active = drain(true).nactive > 0;
	retire(level() == PRESSURE_NONE);
	has_work = purge() || has_active;
	if (level() != PRESSURE_NONE)
		look(true);
	return has_work;
}

void
reclaim_relieve(void)
{
	lock_take(&reclaim.relief, LOCK_RELIEF);
	/* Whoever was first may have done it for all. */
	if (bell_is_spent() && reclaim_watch())
		reclaim_tick(true);
	lock_drop(&reclaim.relief, LOCK_RELIEF);
}

size_t
reclaim_now(void)
{
	size_t bytes;

	count(&reclaim.nforced, 1);
	drain_all();
	retire(false);
	lock();
	bytes = purge_all_locked();
	unlock();
	return bytes;
}

size_t
reclaim_arena(struct arena *a, bool all)
{
	struct bin_purged slabs = { 0, 0 };
	uint64_t before;
	size_t n = 0;

	lock();
	retire_empty_slabs(a, !all);
	large_trim(a, !all);
	before = reclaim.slabs.npages;
	if (all)
		purge_slabs_of_locked(a, 0, &slabs);
	n = (size_t)(reclaim.slabs.npages - before);
	n += pageheap_purge(&a->pages, !all, SIZE_MAX);
	/* Chunks that ran empty are nobody's. */
	if (all)
		n += pagepool_purge(false, SIZE_MAX);
	unlock();
	return n << PAGE_SHIFT;
}

void
reclaim_stats(struct reclaim_stats *out)
{
	/* Relaxed: sums. */
	out->nticks = atomic_load_explicit(&reclaim.nticks,
					   memory_order_relaxed);
	out->nforced = atomic_load_explicit(&reclaim.nforced,
					    memory_order_relaxed);
	out->ndrains = atomic_load_explicit(&reclaim.ndrains,
					    memory_order_relaxed);
	out->drain_ns = atomic_load_explicit(&reclaim.drain_ns,
					     memory_order_relaxed);
	lock();
	out->slabs = reclaim.slabs;
	out->window = reclaim.decay.window;
	out->nchases = reclaim.decay.nchases;
	out->pressure = reclaim.pressure;
	unlock();
}

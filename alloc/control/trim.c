/*
 * trim.c -- see trim.h.
 */
#include <limits.h>
#include <signal.h>

#include "../base/options.h"
#include "../cache/drain.h"
#include "../cache/thread.h"
#include "../heap/large.h"
#include "../pages/bell.h"
#include "trim.h"

#define NS_PER_MS UINT64_C(1000000)

/* Ticks in decay_ms. */
#define TICKS 4

/* Enough for the purge's vectors on the stack and for libc's own TLS. */
#define STACK_BYTES (256 * KIB)

/* Without a trim thread, this much dirty memory is not worth a clock call. */
#define POLL_PAGES (4 * MIB >> PAGE_SHIFT)

static struct {
	struct lock lock;
	_Atomic bool has_thread;
	_Atomic uint64_t next_poll_ns;
	_Atomic uint64_t nticks, ndrains, nforced;
} trim;

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	/* Relaxed: sums for reports. */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* --- what a tick does ------------------------------------------------------- */

static void
retire_empty_slabs(bool only_idle)
{
	for (unsigned i = 0; i < arena_count(); i++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
			/* Never used, never touched. */
			if (bin_is_used(&arenas[i].bins[cls]))
				bin_trim(&arenas[i].bins[cls], only_idle);
		}
	}
}

static size_t
ndirty(void)
{
	size_t n = pagepool_ndirty();

	for (unsigned i = 0; i < arena_count(); i++)
		n += pageheap_ndirty(&arenas[i].pages);
	return n;
}

/*
 * How much may go: what is dirty beyond the demand of the last ticks, so that
 * bursts do not fault in again what was given back between them.
 */
static size_t
surplus(void)
{
	size_t dirty = ndirty(), demand = 0;

	for (unsigned i = 0; i < arena_count(); i++)
		demand += pageheap_tick(&arenas[i].pages);
	return dirty > demand ? dirty - demand : 0;
}

static size_t
purge(bool only_stale, size_t max_pages)
{
	size_t npages;

	lock_take(&trim.lock, LOCK_TRIM);
	npages = pagepool_purge(only_stale, max_pages);
	for (unsigned i = 0; i < arena_count(); i++)
		npages += pageheap_purge(&arenas[i].pages, only_stale,
					 max_pages -
						 min_size(max_pages, npages));
	lock_drop(&trim.lock, LOCK_TRIM);
	return npages << PAGE_SHIFT;
}

/* What a tick does with free pages. */
static void
decay(void)
{
	for (unsigned i = 0; i < arena_count(); i++)
		large_trim(&arenas[i], true);
	if (option(decay_ms) > 0)
		purge(true, surplus());
	else if (option(decay_ms) == 0)
		purge(false, SIZE_MAX);
}

/* True where another tick will find work. */
static bool
tick(void)
{
	struct drain_result drained = drain_caches(true);

	count(&trim.nticks, 1);
	count(&trim.ndrains, drained.ndrained);
	retire_empty_slabs(true);
	decay();
	return drained.nactive > 0 || (option(decay_ms) >= 0 && ndirty() > 0);
}

size_t
trim_now(void)
{
	struct drain_result drained = drain_caches(false);

	count(&trim.ndrains, drained.ndrained);
	count(&trim.nforced, 1);
	retire_empty_slabs(false);
	for (unsigned i = 0; i < arena_count(); i++)
		large_trim(&arenas[i], false);
	return purge(false, SIZE_MAX);
}

/* --- the thread --------------------------------------------------------------- */

static uint64_t
tick_ns(void)
{
	int64_t decay_ms = option(decay_ms);

	/* Never purged: caches are drained all the same. */
	if (decay_ms < 0)
		decay_ms = 1000;
	return max_size((size_t)decay_ms / TICKS, 1) * NS_PER_MS;
}

/*
 * Sleeps for a tick, or until there is something to do. Announces the sleep,
 * looks once more, sleeps: a free between the tick and the announcement is
 * seen by the second look, one after it rings.
 */
static void
rest(bool has_work)
{
	if (!has_work) {
		bell_announce();
		if (thread_live() > 0 && !tick())
			bell_sleep();
	}
	if (thread_live() > 0)
		bell_nap(tick_ns());
}

/*
 * Ends when every other thread has: the C library ends a process with its
 * last thread, and that must not be this one.
 */
static void *
trim_thread(void *arg UNUSED)
{
	bool has_work = true;

	while (thread_live() > 0) {
		rest(has_work);
		has_work = tick();
	}
	trim_forget_thread();
	return NULL;
}

static bool
create_thread(trim_create_fn *create)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* Not the creator's policy, which may be a real-time one. */
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	ok = create(&thread, &attr, trim_thread, NULL) == 0;
	/* Some policies may not be left, even for a lower one. */
	if (!ok) {
		pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED);
		ok = create(&thread, &attr, trim_thread, NULL) == 0;
	}
	if (ok)
		pthread_setname_np(thread, "trimalloc");
	pthread_attr_destroy(&attr);
	return ok;
}

/* The thread inherits a mask that blocks everything: signals are not for it. */
static bool
create_masked(trim_create_fn *create)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	ok = create_thread(create);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

void
trim_start(trim_create_fn *create)
{
	if (!option(trim_thread))
		return;
	/* Acquire, release: one caller creates it, the others see it done. */
	if (atomic_exchange_explicit(&trim.has_thread, true,
				     memory_order_acq_rel))
		return;
	if (!create_masked(create))
		trim_forget_thread();
}

void
trim_forget_thread(void)
{
	atomic_store_explicit(&trim.has_thread, false, memory_order_release);
}

/* --- without a thread ----------------------------------------------------------- */

void
trim_poll(void)
{
	uint64_t now, next;

	/* Relaxed: a tick more or less, by whichever thread, does no harm. */
	if (atomic_load_explicit(&trim.has_thread, memory_order_relaxed) ||
	    option(decay_ms) < 0 ||
	    (option(decay_ms) > 0 && ndirty() < POLL_PAGES))
		return;
	now = os_now_ns();
	next = atomic_load_explicit(&trim.next_poll_ns, memory_order_relaxed);
	if (option(decay_ms) > 0 && now < next)
		return;
	atomic_store_explicit(&trim.next_poll_ns, now + tick_ns(),
			      memory_order_relaxed);
	count(&trim.nticks, 1);
	retire_empty_slabs(true);
	decay();
}

void
trim_lock(void)
{
	lock_take(&trim.lock, LOCK_TRIM);
}

void
trim_unlock(void)
{
	lock_drop(&trim.lock, LOCK_TRIM);
}

void
trim_stats(struct trim_stats *out)
{
	out->has_thread = atomic_load_explicit(&trim.has_thread,
					       memory_order_relaxed);
	out->nticks = atomic_load_explicit(&trim.nticks, memory_order_relaxed);
	out->ndrains = atomic_load_explicit(&trim.ndrains,
					    memory_order_relaxed);
	out->nforced = atomic_load_explicit(&trim.nforced,
					    memory_order_relaxed);
}

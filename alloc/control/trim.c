/*
 * trim.c -- see trim.h.
 */
#include <errno.h>

#include "../base/options.h"
#include "../cache/sample.h"
#include "../cache/thread.h"
#include "../pages/bell.h"
#include "dump.h"
#include "reclaim.h"
#include "server.h"
#include "trim.h"

static struct {
	_Atomic bool has_thread;
	_Atomic bool may_start; /* from free; false after a failure, too */
	_Atomic int pid;        /* 0: not up yet */
	_Atomic uint64_t next_poll_ns;
	_Atomic uint64_t cpu_ns;
	uint64_t next_sample_ns; /* the thread's own */
} trim;

size_t
trim_now(void)
{
	return reclaim_now();
}

/* --- the thread --------------------------------------------------------------- */

static bool
tick(void)
{
	bool has_work = reclaim_tick(true);

	/* Relaxed: a number for reports. */
	atomic_store_explicit(&trim.cpu_ns, os_thread_cpu_ns(),
			      memory_order_relaxed);
	return has_work;
}

static uint64_t
min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is to be done between ticks, and when there is more of it. */
static void
serve(void)
{
	dump_serve();
	if (!guard_is_on() ||
	    !ns_is_due(trim.next_sample_ns, os_now_ns(), SAMPLE_NS))
		return;
	sample_arm();
	trim.next_sample_ns = os_now_ns() + SAMPLE_NS;
}

static uint64_t
wait_ns(void)
{
	return guard_is_on() ? min_ns(dump_wait_ns(), SAMPLE_NS)
			     : dump_wait_ns();
}

/*
 * It ends when every other thread has: the C library ends a process with its
 * last thread, and that must not be this one. And when it is forbidden.
 */
static bool
is_needed(void)
{
	return thread_live() > 0 && option(trim_thread);
}

/*
 * Sleeps for a tick. A long one is a sequence of naps, between which to watch;
 * a dismissal, for a dump say, ends a nap and not the tick.
 */
static void
nap(void)
{
	uint64_t left = reclaim_tick_ns(), begun;

	while (is_needed()) {
		serve();
		begun = os_now_ns();
		bell_nap(min_ns(min_ns(left, RECLAIM_WATCH_NS), wait_ns()));
		left -= min_ns(left, ns_since(begun, os_now_ns()));
		if (left == 0 || reclaim_watch())
			return;
	}
}

/*
 * Of two that meet, the later one sees what the earlier one wrote before: it
 * acquires what that released. A fence would do as well, but TSan knows none.
 */
static void
meet(void)
{
	static _Atomic unsigned nmeetings;

	atomic_fetch_add_explicit(&nmeetings, 1, memory_order_acq_rel);
}

/*
 * Sleeps for a tick, or until there is something to do. Announces the sleep,
 * looks once more, sleeps: a free between the tick and the announcement is
 * seen by the second look, one after it rings. The same holds for a dump: who
 * asks for one writes the word, then rings; here the announcement is written
 * and then the word read, and meet() on either side leaves no order in which
 * both miss.
 */
static void
rest(bool has_work)
{
	if (!has_work) {
		bell_announce();
		meet();
		serve();
		if (is_needed() && !tick())
			bell_sleep(wait_ns());
	}
	nap();
}

static void *
trim_thread(void *create)
{
	bool has_work = true;

	thread_renounce();
	server_start((trim_create_fn *)create, os_own_files());
	dump_begin();
	/* Memory may grow fast before the first nap is over. */
	reclaim_watch();
	while (is_needed()) {
		rest(has_work);
		has_work = tick();
	}
	server_stop();
	trim_forget_thread();
	return NULL;
}

/* --- signals -------------------------------------------------------------------- */

void
trim_ask_dump(void)
{
	if (!dump_ask())
		return;
	/* See rest(). */
	meet();
	bell_dismiss();
}

/*
 * Only wakes the trim thread. In the child of a vfork it would be the
 * parent's; in that of a fork, which may have none yet, the word stays.
 */
static void
on_signal(int number UNUSED)
{
	int before = errno;

	if (os_pid() == atomic_load_explicit(&trim.pid, memory_order_relaxed))
		trim_ask_dump();
	errno = before;
}

/*
 * With the thread comes the handler, while the program has one thread as a
 * rule. A library that stands beside the process's malloc takes no signal of
 * the process's.
 */
static void
catch_signal(void)
{
	int number = (int)option(dump_signal);

	if (!TRI_JNI && number != 0)
		os_catch_signal(number, on_signal);
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
	catch_signal();
	if (spawn_thread(create, trim_thread, (void *)create, "trimalloc"))
		return;
	/* Frees will poll; pthread_create tries again. Relaxed: a hint. */
	atomic_store_explicit(&trim.may_start, false, memory_order_relaxed);
	trim_forget_thread();
}

void
trim_boot(void)
{
	/* Relaxed: frees of other threads begin after this one's start. */
	atomic_store_explicit(&trim.pid, os_pid(), memory_order_relaxed);
	atomic_store_explicit(&trim.may_start, true, memory_order_relaxed);
}

/* A process of one thread, too, is to do what it was told to. */
static bool
has_other_work(void)
{
	return dump_is_asked() || option(stats_interval) > 0 ||
	       option(control) > 0 || guard_is_on();
}

bool
trim_is_wanted(void)
{
	if (atomic_load_explicit(&trim.has_thread, memory_order_relaxed) ||
	    !atomic_load_explicit(&trim.may_start, memory_order_relaxed))
		return false;
	return option(trim_thread) && thread_live() > 0 &&
	       (reclaim_is_worth_it() || has_other_work()) &&
	       os_pid() ==
		       atomic_load_explicit(&trim.pid, memory_order_relaxed);
}

void
trim_forget_thread(void)
{
	/* Of a child of fork the number is another one. */
	if (atomic_load_explicit(&trim.pid, memory_order_relaxed) != 0)
		atomic_store_explicit(&trim.pid, os_pid(),
				      memory_order_relaxed);
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
	    (option(decay_ms) > 0 && !reclaim_is_worth_it()))
		return;
	now = os_now_ns();
	next = atomic_load_explicit(&trim.next_poll_ns, memory_order_relaxed);
	if (option(decay_ms) > 0 && !ns_is_due(next, now, reclaim_tick_ns()))
		return;
	atomic_store_explicit(&trim.next_poll_ns, now + reclaim_tick_ns(),
			      memory_order_relaxed);
	reclaim_tick(false);
}

void
trim_stats(struct trim_stats *out)
{
	out->has_thread = atomic_load_explicit(&trim.has_thread,
					       memory_order_relaxed);
	out->cpu_ns = atomic_load_explicit(&trim.cpu_ns, memory_order_relaxed);
}

/*
 * fork.c -- fork from a threaded process.
 *
 * Before the fork every lock is taken and every other thread's cache closed,
 * so the child's copy is one that no operation was in the middle of. The
 * child then has one thread: the others' caches are emptied into the arenas,
 * and the trim thread is born again when the child needs one.
 *
 * vfork and posix_spawn run no handlers and need none: their child shares the
 * memory, allocates nothing that it keeps, and its parent waits.
 */
#include "../cache/explicit.h"
#include "../cache/quarantine.h"
#include "../cache/thread.h"
#include "../control/ctl.h"
#include "../control/dump.h"
#include "../control/guard_fault.h"
#include "../control/guard_report.h"
#include "../control/reclaim.h"
#include "../control/server.h"
#include "../control/trim.h"
#include "../heap/arena.h"
#include "../heap/guard.h"
#include "../pages/meta.h"
#include "api.h"
#include "fork.h"

/* Arenas in use when prepare ran: there are no others until it is over. */
static unsigned nheld;

static void
hold_arenas(void)
{
	nheld = arena_count();
	for (unsigned i = 0; i < nheld; i++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
			struct bin *b = &arenas[i].bins[cls];

			lock_take_another(&b->lock, LOCK_BIN);
		}
		for (unsigned k = 0; k < NSHELVES; k++)
			lock_take_another(&arenas[i].shelves[k].lock, LOCK_BIN);
	}
	for (unsigned i = 0; i < nheld; i++)
		lock_take_another(&arenas[i].pages.lock, LOCK_PAGES);
}

static void
release_arenas(void)
{
	for (unsigned i = 0; i < nheld; i++)
		lock_drop(&arenas[i].pages.lock, LOCK_PAGES);
	for (unsigned i = 0; i < nheld; i++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
			lock_drop(&arenas[i].bins[cls].lock, LOCK_BIN);
		for (unsigned k = 0; k < NSHELVES; k++)
			lock_drop(&arenas[i].shelves[k].lock, LOCK_BIN);
	}
}

/* From the highest rank down, as both sides do it. */
static void
release_pages(void)
{
	ctl_unlock();
	meta_unlock();
	pagepool_unlock();
	release_arenas();
	arena_release();
}

void
fork_prepare(void)
{
	boot();
	server_lock();
	reclaim_lock();
	thread_hold_all();
	explicit_hold_all();
	quarantine_lock();
	guard_lock();
	arena_hold();
	hold_arenas();
	pagepool_lock();
	meta_lock();
	ctl_lock();
}

void
fork_parent(void)
{
	release_pages();
	guard_unlock();
	quarantine_unlock();
	explicit_release_all();
	thread_release_all();
	reclaim_unlock();
	server_unlock();
}

void
fork_child(void)
{
	release_pages();
	guard_child_release();
	quarantine_unlock();
	explicit_release_all();
	thread_child_release();
	reclaim_unlock();
	server_unlock();
	server_forget();
	dump_forget();
	trim_forget_thread();
	guard_report_child();
	guard_fault_child();
}

/*
 * trim.h -- the trim thread: who calls for ticks, and when.
 *
 * Above   api (malloc_trim, free's slow path, pthread_create, fork)
 * Lock    none
 * Always  at most one trim thread; it sleeps without a limit while no page is
 *         dirty and no cache holds a block, and ends when it is the last
 *
 * It is born when the program starts its first thread, or when a process of
 * one thread has a few MiB of dirty pages; all signals are blocked in it. What
 * a tick does is told in reclaim.h, and what a signal has it do in dump.h. Between two ticks it naps; when one found
 * nothing more to do it lies down at the bell (pages/bell.h), which frees
 * ring. So a process that is idle has no wake-ups.
 */
#ifndef TRI_CONTROL_TRIM_H
#define TRI_CONTROL_TRIM_H

#include "spawn.h"

/*
 * Gives everything back now: empties all caches, retires empty slabs, purges
 * all dirty pages. Returns the bytes given back. Any thread, no lock held.
 */
size_t trim_now(void);

typedef spawn_create_fn trim_create_fn;

/*
 * Starts the trim thread by `create` (pthread_create or what stands for it)
 * unless it runs or is switched off. A failure is tried again at the next
 * call. errno may change.
 */
void trim_start(trim_create_fn *create);

/*
 * True where a process that has no trim thread should start one now, from
 * free's slow path: enough is dirty, the first try did not fail, and this is
 * not the child of a vfork, whose thread would be its parent's. Costs a load
 * where there is a trim thread.
 */
bool trim_is_wanted(void);

/* The constructors have run: threads may be started from here on. */
void trim_boot(void);

/*
 * For a process without a trim thread, from free's slow path: a tick, if one
 * is due. Costs a load where there is a trim thread.
 */
void trim_poll(void);

/* Has the trim thread write a dump. Fit for signal handlers; errno may change. */
void trim_ask_dump(void);

/* For fork.c: the child has no trim thread until it needs one. */
void trim_forget_thread(void);

struct trim_stats {
	bool has_thread;
	uint64_t cpu_ns; /* of the thread, up to its last tick */
};

void trim_stats(struct trim_stats *out);

#endif

/*
 * spawn.h -- threads of the library's own.
 *
 * Above   control/trim.c, control/server.c
 * Lock    none
 * Always  all signals are blocked in such a thread; it has no cache, and does
 *         not count as one of the program's
 */
#ifndef TRI_CONTROL_SPAWN_H
#define TRI_CONTROL_SPAWN_H

#include <pthread.h>

#include "../base/base.h"

/* pthread_create, or what stands for it. */
typedef int spawn_create_fn(pthread_t *, const pthread_attr_t *,
			    void *(*)(void *), void *);

/*
 * Starts a detached thread, whose `main` is to call thread_renounce() first.
 * False where there is to be none now. errno may change.
 */
bool spawn_thread(spawn_create_fn *create, void *(*main)(void *), void *arg,
		  const char *name);

#endif

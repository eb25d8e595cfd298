/*
 * spawn.c -- see spawn.h.
 */
#include <signal.h>

#include "../os/libc.h"
#include "spawn.h"

/* Enough for the purge's vectors on the stack and for libc's own TLS. */
#define STACK_BYTES (256 * KIB)

static bool
create_thread(spawn_create_fn *create, void *(*main)(void *), void *arg,
	      const char *name)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	libc_set_stack(&attr, STACK_BYTES);
	/* Not the creator's policy, which may be a real-time one. */
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	ok = create(&thread, &attr, main, arg) == 0;
	/* Some policies may not be left, even for a lower one. */
	if (!ok) {
		pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED);
		ok = create(&thread, &attr, main, arg) == 0;
	}
	if (ok)
		libc_set_name(thread, name);
	pthread_attr_destroy(&attr);
	return ok;
}

/* The thread inherits a mask that blocks everything: signals are not for it. */
bool
spawn_thread(spawn_create_fn *create, void *(*main)(void *), void *arg,
	     const char *name)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	/* Of this thread: pthread_sigmask under its older name. */
	if (sigprocmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	ok = create_thread(create, main, arg, name);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/*
 * atfork.c -- fork handlers, of which ours come first.
 *
 * Handlers that are registered later run earlier before a fork and later after
 * it. Others' handlers may allocate, and may wait for threads that do: ours take
 * every lock and must be the innermost, so they must be the first. The library
 * asks to be initialized first of all (-z initfirst), but the dynamic linker
 * grants that to the last one that asks, and before glibc 2.34 that is
 * libpthread: there all other libraries' constructors run before ours. So
 * pthread_atfork, which is a call of __register_atfork, passes by here, and
 * whoever is the first to register has ours registered in front of his.
 *
 * Exported by the interposing library only.
 */
#include <errno.h>
#include <pthread.h>

#include "../os/libc.h"
#include "api.h"
#include "fork.h"

#if TRI_INTERPOSE && defined(__GLIBC__)

typedef void handler_fn(void);
typedef int register_fn(handler_fn *, handler_fn *, handler_fn *, void *);

int __register_atfork(handler_fn *prepare, handler_fn *parent,
		      handler_fn *child, void *library);

static register_fn *
next_register(void)
{
	static _Atomic(register_fn *) found;
	/* Relaxed: a code address needs no other memory. */
	register_fn *f = atomic_load_explicit(&found, memory_order_relaxed);

	if (f == NULL) {
		f = (register_fn *)libc_next("__register_atfork");
		atomic_store_explicit(&found, f, memory_order_relaxed);
	}
	return f;
}

void
atfork_boot(void)
{
	static _Atomic bool is_done;
	register_fn *f = next_register();

	/*
	 * Acquire, release: who comes second finds ours registered, or is in a
	 * constructor beside another thread's, which no order would help. They
	 * are of no library: so they are there to the end, when destructors fork.
	 */
	if (f != NULL &&
	    !atomic_exchange_explicit(&is_done, true, memory_order_acq_rel))
		f(fork_prepare, fork_parent, fork_child, NULL);
}

EXPORT int
__register_atfork(handler_fn *prepare, handler_fn *parent, handler_fn *child,
		  void *library)
{
	register_fn *f = next_register();

	if (f == NULL)
		return ENOMEM;
	atfork_boot();
	return f(prepare, parent, child, library);
}

#else

void
atfork_boot(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

#endif

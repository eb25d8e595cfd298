/*
 * signal.c -- sigaction and signal, so that a fault in a guarded block can be
 * told before the program's own handler has it (control/guard_fault.h).
 *
 * Each does what the next library's does, libc's as a rule: there is no other
 * difference, and without the option guarded none at all.
 *
 * Exported by the interposing library only.
 */
#include <errno.h>
#include <signal.h>

#include "../control/guard_fault.h"
#include "../os/libc.h"
#include "api.h"
#include "signals.h"

#if !TRI_JNI

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);
typedef void signal_handler_fn(int);
typedef signal_handler_fn *signal_fn(int, signal_handler_fn *);

/* libc's by names that nobody interposes; musl has dlsym instead. */
int __sigaction(int number, const struct sigaction *to, struct sigaction *was);
signal_handler_fn *ssignal(int number, signal_handler_fn *handler);
signal_handler_fn *sysv_signal(int number, signal_handler_fn *handler);
/* Ours; musl's signal.h does not tell of it. */
signal_handler_fn *__sysv_signal(int number, signal_handler_fn *handler);
#pragma weak __sigaction
#pragma weak ssignal
#pragma weak sysv_signal

/* What comes next. Relaxed: a code address needs no other memory. */
static _Atomic(void *) next_sigaction, next_signal, next_sysv_signal;

/* Programs of old without libdl have libc alone. */
static void *
next(_Atomic(void *) *found, const char *name, void *of_libc)
{
	void *f = atomic_load_explicit(found, memory_order_relaxed);

	if (f != NULL)
		return f;
	if (dlsym != NULL)
		f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		f = of_libc;
	atomic_store_explicit(found, f, memory_order_relaxed);
	return f;
}

static sigaction_fn *
sigaction_that_is_next(void)
{
	return (sigaction_fn *)next(&next_sigaction, "sigaction",
				    (void *)__sigaction);
}

static signal_fn *
signal_that_is_next(void)
{
	return (signal_fn *)next(&next_signal, "signal", (void *)ssignal);
}

static signal_fn *
sysv_signal_that_is_next(void)
{
	return (signal_fn *)next(&next_sysv_signal, "__sysv_signal",
				 (void *)sysv_signal);
}

void
signals_boot(void)
{
	sigaction_that_is_next();
	signal_that_is_next();
	sysv_signal_that_is_next();
}

EXPORT int
sigaction(int number, const struct sigaction *restrict to,
	  struct sigaction *restrict was)
{
	sigaction_fn *f = sigaction_that_is_next();
	uint64_t before;
	bool aside;
	int result;

	if (f == NULL) {
		errno = ENOSYS;
		return -1;
	}
	aside = guard_fault_step_aside(number, &before);
	result = f(number, to, was);
	if (aside)
		guard_fault_step_back(before);
	return result;
}

static signal_handler_fn *
signal_by(signal_fn *f, int number, signal_handler_fn *handler)
{
	signal_handler_fn *was;
	uint64_t before;
	bool aside;

	if (f == NULL) {
		errno = ENOSYS;
		return SIG_ERR;
	}
	aside = guard_fault_step_aside(number, &before);
	was = f(number, handler);
	if (aside)
		guard_fault_step_back(before);
	return was;
}

EXPORT signal_handler_fn *
signal(int number, signal_handler_fn *handler)
{
	return signal_by(signal_that_is_next(), number, handler);
}

/* signal() of programs that ask for System V's. */
EXPORT signal_handler_fn *
__sysv_signal(int number, signal_handler_fn *handler)
{
	return signal_by(sysv_signal_that_is_next(), number, handler);
}

#endif

/*
 * guard_fault.h -- faults in the pool of guarded blocks are told, and then go to
 * the handler that the program has.
 *
 * Who is asked first? A JVM takes faults for its daily work: null checks,
 * safepoints, the end of a stack. Were we asked last, by its chain of handlers,
 * it would hold a fault for settled once we return, and the access would fault
 * again for ever; and its own crash report would never be written. So we are
 * asked first, look at the address alone, and go on with the program's handler
 * as if the kernel had called it: with the same arguments, on the same stack,
 * with the same signals blocked, for we are registered with its own flags and
 * mask. Without a handler of the program's the default action is restored, and
 * the access faults again.
 *
 * How do we stay first? The JVM sets its handler after us. The kernel has room
 * for one, so the functions that set it are interposed (api/signal.c), as
 * sanitizers do it. A call of one for SIGSEGV first puts the program's own
 * disposition back, then does what it would do without us, through whatever
 * library comes next (libjsig chains handlers in there), and then we step in
 * front of whatever the kernel has now. So everybody who asks finds what the
 * program set, nothing of ours is ever chained or saved by anybody, and no
 * handler is replaced: a fault in between finds the program's own. Who sets a
 * handler by a system call of his own, or by sigset(), is left alone: then
 * nothing is told.
 *
 * A program that ignores SIGSEGV is left alone too, for the kernel forgets
 * handlers at exec and does not forget that.
 *
 * Above   api/boot.c, api/signal.c, api/fork.c
 * Lock    a lock without rank, with all signals blocked: sigaction() may be
 *         called by any signal handler
 * Always  nothing is done, and no handler set, unless the option guarded is
 */
#ifndef TRI_CONTROL_GUARD_FAULT_H
#define TRI_CONTROL_GUARD_FAULT_H

#include "../base/base.h"

/* There is a pool. Once, at boot. */
void guard_fault_boot(void);

/*
 * Around a call that asks for, or sets, what is done with a signal. Aside
 * says whether back is to be called, with the same *before.
 */
bool guard_fault_step_aside(int number, uint64_t *before);
void guard_fault_step_back(uint64_t before);

/* In a fork's child. */
void guard_fault_child(void);

#endif

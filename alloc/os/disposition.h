/*
 * disposition.h -- what the kernel does with a signal, past libc and whoever
 * else stands between a program and the kernel.
 *
 * Above   control/guard_fault.c
 * Lock    none
 * Always  a disposition that was read can be written back and is the same
 */
#ifndef TRI_OS_DISPOSITION_H
#define TRI_OS_DISPOSITION_H

#include <signal.h>

#include "../base/base.h"

typedef void os_handler_fn(int, siginfo_t *, void *);

/* As rt_sigaction(2) has it on x86_64 and aarch64. */
struct os_disposition {
	os_handler_fn *handler; /* or SIG_DFL, SIG_IGN */
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

bool os_disposition_get(int number, struct os_disposition *out);
bool os_disposition_set(int number, const struct os_disposition *d);

/* All signals, those of libc's own included; what was blocked before. */
uint64_t os_block_signals(void);
void os_restore_signals(uint64_t before);

/* To the calling thread; comes when it is not blocked. */
void os_raise(int number);

#endif

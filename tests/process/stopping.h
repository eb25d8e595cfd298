/*
 * stopping.h -- a process that stops another one, or its trim thread alone.
 *
 * Above   the programs of tests/process and tests/torture
 * Lock    none; begun and ended by one thread
 * Always  whoever was stopped goes on, also when the stopper or the stopped
 *         process is killed
 */
#ifndef TESTS_PROCESS_STOPPING_H
#define TESTS_PROCESS_STOPPING_H

#include <stdbool.h>
#include <stddef.h>

enum stopping {
	STOP_ALL,         /* by SIGSTOP and SIGCONT */
	STOP_TRIM_THREAD, /* by ptrace, wherever it is */
	STOP_EITHER,
};

/*
 * From now on the calling process is stopped again and again, n times or
 * (SIZE_MAX) until the end. False where the kernel lets nobody trace others.
 */
bool stopping_begin(enum stopping what, size_t n);

bool stopping_is_over(void);

/* Ends it and waits for that. */
void stopping_end(void);

/*
 * Stops the trim thread once, while it sleeps with nothing to do, until
 * stopping_let_go().
 */
bool stopping_hold_asleep(void);
void stopping_let_go(void);

#endif

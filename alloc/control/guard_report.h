/*
 * guard_report.h -- what is known of a guarded block, for who misused it.
 *
 * Lines to standard error, each begins with "trimalloc:": what happened, where
 * and at what offset, and the threads that did it, took the block and freed it,
 * each with its calls, the latest first. A call is told as the file that its
 * code is from and the offset in it, as addr2line takes it. Return addresses
 * are looked for among the newest 2 KiB of the stack (os/stack.h): a word is
 * taken for one where it points behind an instruction that calls. Those that
 * also stand in a frame that the frame pointers lead to are certain; others
 * have a question mark, for one may be left from a call that is over.
 *
 * Above   control/guard_fault.c, api/guarded.c
 * Lock    one thread reports at a time, the others wait; fit for signal handlers
 * Always  a block's first error alone is told; errno may change
 */
#ifndef TRI_CONTROL_GUARD_REPORT_H
#define TRI_CONTROL_GUARD_REPORT_H

#include "../base/text.h"
#include "../heap/guard.h"

enum guard_access {
	GUARD_ACCESS, /* the kernel does not tell */
	GUARD_READ,
	GUARD_WRITE,
};

/* An access to `addr`, of the pool, faulted, in the calling thread. */
void guard_report_fault(const void *addr, enum guard_access access,
			uintptr_t pc, uintptr_t sp);

/* A sentence, and then who took and freed the block. The caller dies. */
void guard_report_misuse(struct text *sentence, struct guard_slot *s);

/* In a fork's child: whoever reported is not here. */
void guard_report_child(void);

#endif

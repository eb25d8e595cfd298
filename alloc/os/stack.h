/*
 * stack.h -- a copy of the top of a thread's stack, to be read later.
 *
 * Nobody can unwind a stack from within malloc: code of a JVM's compiler has
 * no tables, C libraries keep no frame pointers, and what unwinds by tables
 * takes locks and allocates. So nothing is unwound: the newest words are
 * copied, which takes 0.1 us, and only a report looks for return addresses
 * among them (control/guard_report.c).
 *
 * Above   heap/guard.c, control/guard_report.c
 * Lock    none
 * Always  reads the calling thread's own stack and nothing that is not
 *         readable: where a stack ends, the copy ends
 */
#ifndef TRI_OS_STACK_H
#define TRI_OS_STACK_H

#include "../base/base.h"

#define STACK_WORDS 256u

struct stack_copy {
	uintptr_t at; /* where words[0] lay */
	size_t nwords;
	uintptr_t words[STACK_WORDS];
};

/* Copies from `at` on, which is rounded up to a word. errno may change. */
void stack_copy(struct stack_copy *out, uintptr_t at);

/*
 * True where the eight bytes at a multiple of eight can be read. 0.1 us: the
 * kernel is asked to read them for a call that it then refuses.
 */
bool os_is_readable(uintptr_t addr);

/* The calling thread's name, terminated: at most 16 bytes. 0.1 us. */
void os_thread_name(char name[16]);

#endif

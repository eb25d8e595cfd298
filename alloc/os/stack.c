/*
 * stack.c -- see stack.h.
 */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stack.h"

/* No way to change a signal mask, but the set is read before that is seen. */
#define NO_HOW (-1)

/* Bytes of the kernel's set of signals. */
#define KERNEL_SET_BYTES 8

bool
os_is_readable(uintptr_t addr)
{
	return syscall(SYS_rt_sigprocmask, NO_HOW, addr, NULL,
		       KERNEL_SET_BYTES) == 0 ||
	       errno != EFAULT;
}

/* What lies there belongs to other functions: no sanitizer is asked. */
__attribute__((no_sanitize("address"), no_sanitize("thread"))) static uintptr_t
word_at(uintptr_t addr)
{
	return *(const volatile uintptr_t *)addr;
}

void
stack_copy(struct stack_copy *out, uintptr_t at)
{
	at = align_up(at, sizeof(uintptr_t));
	out->at = at;
	out->nwords = 0;
	while (out->nwords < STACK_WORDS) {
		if ((out->nwords == 0 || at % PAGE_BYTES == 0) &&
		    !os_is_readable(at))
			return;
		out->words[out->nwords++] = word_at(at);
		at += sizeof(uintptr_t);
	}
}

void
os_thread_name(char name[16])
{
	name[0] = '\0';
	prctl(PR_GET_NAME, name, 0, 0, 0);
	name[15] = '\0';
}

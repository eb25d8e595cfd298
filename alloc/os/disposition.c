/*
 * disposition.c -- see disposition.h.
 */
#include <sys/syscall.h>
#include <unistd.h>

#include "disposition.h"
#include "os.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

#define KERNEL_SET_BYTES 8

/* Nothing was blocked: the kernel's own masks never have SIGKILL's bit. */
#define NO_MASK UINT64_MAX

/*
 * x86_64's kernel wants to be told how a handler returns. Unwinders know the
 * place by exactly these instructions, as libc has them.
 */
#if defined(__x86_64__)
void trimalloc_return_from_signal(void) HIDDEN;
__asm__(".text\n"
	"	.p2align 4\n"
	"	nop\n"
	"	.hidden trimalloc_return_from_signal\n"
	"	.globl trimalloc_return_from_signal\n"
	"	.type trimalloc_return_from_signal, @function\n"
	"trimalloc_return_from_signal:\n"
	"	movq $15, %rax\n"
	"	syscall\n"
	"	.size trimalloc_return_from_signal, "
	".-trimalloc_return_from_signal\n");

static void
set_restorer(struct os_disposition *d)
{
	if ((d->flags & SA_RESTORER) != 0)
		return;
	d->flags |= SA_RESTORER;
	d->restorer = trimalloc_return_from_signal;
}
#else
static void
set_restorer(struct os_disposition *d UNUSED)
{
}
#endif

bool
os_disposition_get(int number, struct os_disposition *out)
{
	return syscall(SYS_rt_sigaction, number, NULL, out, KERNEL_SET_BYTES) ==
	       0;
}

bool
os_disposition_set(int number, const struct os_disposition *d)
{
	struct os_disposition to = *d;

	set_restorer(&to);
	return syscall(SYS_rt_sigaction, number, &to, NULL, KERNEL_SET_BYTES) ==
	       0;
}

uint64_t
os_block_signals(void)
{
	uint64_t all = UINT64_MAX, before = NO_MASK;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before,
		KERNEL_SET_BYTES);
	return before;
}

void
os_restore_signals(uint64_t before)
{
	if (before == NO_MASK)
		return;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL,
		KERNEL_SET_BYTES);
}

void
os_raise(int number)
{
	syscall(SYS_tgkill, os_pid(), os_thread_id(), number);
}

/*
 * guard_fault.c -- see guard_fault.h.
 */
#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "../base/check.h"
#include "../os/disposition.h"
#include "../os/lock.h"
#include "../os/os.h"
#include "guard_fault.h"
#include "guard_report.h"

static struct {
	struct lock lock;
	_Atomic bool is_on;
	_Atomic int pid;
	/* The program's disposition while ours is in force; odd: being written. */
	_Atomic uint32_t turn;
	struct os_disposition theirs;
} fault;

/* --- what faulted ----------------------------------------------------------------- */

#if defined(__x86_64__)
static uintptr_t
context_pc(const ucontext_t *c)
{
	return (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
}

static uintptr_t
context_sp(const ucontext_t *c)
{
	return (uintptr_t)c->uc_mcontext.gregs[REG_RSP];
}

/* Bit 1 of the CPU's error code. */
static enum guard_access
context_access(const ucontext_t *c)
{
	return (c->uc_mcontext.gregs[REG_ERR] & 2) != 0 ? GUARD_WRITE
							: GUARD_READ;
}
#else
static uintptr_t
context_pc(const ucontext_t *c)
{
	return (uintptr_t)c->uc_mcontext.pc;
}

static uintptr_t
context_sp(const ucontext_t *c)
{
	return (uintptr_t)c->uc_mcontext.sp;
}

/* A record of the kernel's behind the registers: its kind and its bytes. */
struct record {
	uint32_t magic, bytes;
	uint64_t value;
};

#define RECORD_OF_ESR 0x45535201u
#define ESR_WRITE     UINT64_C(0x40)

static enum guard_access
context_access(const ucontext_t *c)
{
	const char *at = (const char *)c->uc_mcontext.__reserved;
	const char *stop = at + sizeof c->uc_mcontext.__reserved;
	struct record r;

	while ((size_t)(stop - at) >= sizeof r) {
		memcpy(&r, at, sizeof r);
		if (r.magic == RECORD_OF_ESR)
			return (r.value & ESR_WRITE) != 0 ? GUARD_WRITE
							  : GUARD_READ;
		if (r.magic == 0 || r.bytes == 0 ||
		    r.bytes > (size_t)(stop - at))
			break;
		at += r.bytes;
	}
	return GUARD_ACCESS;
}
#endif

/* --- the program's disposition ----------------------------------------------------- */

static void
keep_theirs(const struct os_disposition *d)
{
	/* Release, and a fence for the words between: see get_theirs(). */
	atomic_fetch_add_explicit(&fault.turn, 1, memory_order_acq_rel);
	fault.theirs = *d;
	atomic_fetch_add_explicit(&fault.turn, 1, memory_order_release);
}

/* In a handler: without a lock, for this thread may be the one that has it. */
static struct os_disposition
get_theirs(void)
{
	struct os_disposition d;
	uint32_t turn;

	/* An exchange, for no load of the record may fall behind it. */
	do {
		turn = atomic_load_explicit(&fault.turn, memory_order_acquire);
		d = fault.theirs;
	} while (turn % 2 != 0 ||
		 atomic_fetch_add_explicit(&fault.turn, 0,
					   memory_order_acq_rel) != turn);
	return d;
}

static os_handler_fn *
default_handler(void)
{
	return (os_handler_fn *)(uintptr_t)SIG_DFL;
}

/* --- the handler ------------------------------------------------------------------- */

static NOINLINE void
tell(const siginfo_t *info, const ucontext_t *c)
{
	guard_report_fault(info->si_addr, context_access(c), context_pc(c),
			   context_sp(c));
}

/* As the kernel would have done: the access faults again, with nobody to tell. */
static void
die_by_default(int number, const siginfo_t *info)
{
	struct os_disposition d = { .handler = default_handler() };

	/* A sandbox may refuse it: here the fault would come again for ever. */
	if (!os_disposition_set(number, &d))
		die("the handler of a fault cannot be taken away");
	/* Somebody sent it. */
	if (info->si_code <= 0)
		os_raise(number);
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	struct os_disposition theirs;
	int before = errno;

	if (info->si_code > 0 && guard_owns(info->si_addr))
		tell(info, context);
	theirs = get_theirs();
	if (theirs.handler == default_handler())
		die_by_default(number, info);
	errno = before;
	if (theirs.handler != default_handler())
		theirs.handler(number, info, context);
}

/* --- first place -------------------------------------------------------------------- */

static void
step_in_front(void)
{
	struct os_disposition d;

	if (!os_disposition_get(SIGSEGV, &d) || d.handler == on_fault ||
	    d.handler == (os_handler_fn *)(uintptr_t)SIG_IGN)
		return;
	keep_theirs(&d);
	if (d.handler == default_handler())
		d = (struct os_disposition){ .flags = SA_ONSTACK };
	d.handler = on_fault;
	d.flags |= SA_SIGINFO;
	os_disposition_set(SIGSEGV, &d);
}

static void
put_theirs_back(void)
{
	struct os_disposition d;

	if (os_disposition_get(SIGSEGV, &d) && d.handler == on_fault)
		os_disposition_set(SIGSEGV, &fault.theirs);
}

void
guard_fault_boot(void)
{
	atomic_store_explicit(&fault.pid, os_pid(), memory_order_relaxed);
	step_in_front();
	/* Relaxed: written before there are threads. */
	atomic_store_explicit(&fault.is_on, true, memory_order_relaxed);
}

bool
guard_fault_step_aside(int number, uint64_t *before)
{
	if (number != SIGSEGV ||
	    !atomic_load_explicit(&fault.is_on, memory_order_relaxed))
		return false;
	/* The child of a vfork: its dispositions are its own, our record not. */
	if (os_pid() !=
	    atomic_load_explicit(&fault.pid, memory_order_relaxed)) {
		put_theirs_back();
		return false;
	}
	*before = os_block_signals();
	lock_acquire(&fault.lock);
	put_theirs_back();
	return true;
}

void
guard_fault_step_back(uint64_t before)
{
	step_in_front();
	lock_release(&fault.lock);
	os_restore_signals(before);
}

void
guard_fault_child(void)
{
	if (!atomic_load_explicit(&fault.is_on, memory_order_relaxed))
		return;
	/* Another thread may have been in the middle of a step. */
	fault.lock = (struct lock){ 0, 0 };
	if (atomic_load_explicit(&fault.turn, memory_order_relaxed) % 2 != 0)
		atomic_fetch_add_explicit(&fault.turn, 1, memory_order_relaxed);
	atomic_store_explicit(&fault.pid, os_pid(), memory_order_relaxed);
	step_in_front();
}

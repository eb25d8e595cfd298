/*
 * guarded.c -- see guarded.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "../base/options.h"
#include "../cache/sample.h"
#include "../control/guard_fault.h"
#include "../control/guard_report.h"
#include "../heap/misuse.h"
#include "api.h"
#include "guarded.h"

void *
guarded_alloc_slow(size_t n, size_t alignment, unsigned cls)
{
	int before = errno;
	void *p = NULL;

	if (sample_take(cls))
		p = guard_alloc(n, alignment);
	if (p != NULL)
		cache_note_alloc(guard_bytes(p));
	errno = before;
	return p;
}

/* What was said, what is known of p, and who took and freed its block. */
static _Noreturn void
die_of_slot(struct misuse *m, const void *p)
{
	misuse_finish(m, p);
	guard_report_misuse(&m->text, guard_slot_of(p));
	abort();
}

static _Noreturn void
die_of_slot_because(const char *name, const void *p, const char *why)
{
	struct misuse m;

	text_str(misuse_begin(&m, name, p), why);
	die_of_slot(&m, p);
}

/* Somebody wrote next to a live block, where nothing is inaccessible. */
static _Noreturn void
die_of_spoiled(const char *name, const void *p)
{
	const struct guard_slot *s = guard_slot_of(p);
	const char *at = guard_spoiled(s);
	struct misuse m;
	struct text *t = misuse_begin(&m, name, p);

	text_str(t, at < s->block ? " was written to in front of it, at byte "
				  : " was written to behind its end, at byte ");
	text_int(t, at - s->block);
	text_str(t, " of ");
	text_uint(t, s->bytes);
	die_of_slot(&m, p);
}

/* p is no live block's first byte. */
static _Noreturn void
die_of_pointer(const char *name, const void *p)
{
	const struct guard_slot *s = guard_slot_of(p);
	/* Acquire: pairs with the release where the state was set. */
	uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);

	if (state == GUARD_UNUSED)
		die_of_slot_because(name, p,
				    " is not a pointer of this allocator");
	die_of_slot_because(name, p,
			    p == s->block ? " was already freed"
					  : " points into a block");
}

void
guarded_check(const char *name, const void *p)
{
	if (guard_bytes(p) == 0)
		die_of_pointer(name, p);
}

void
guarded_free(const char *name, void *p)
{
	switch (guard_free(p)) {
	case GUARD_NONE:
		die_of_pointer(name, p);
	case GUARD_SPOILED:
		die_of_spoiled(name, p);
	default:
		return;
	}
}

void
guarded_boot(void)
{
	if (option(guarded) == 0)
		return;
	if (guard_boot((size_t)option(guarded_slots)))
		guard_fault_boot();
	else
		complain("no address space for guarded blocks");
}

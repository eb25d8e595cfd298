/*
 * guarded.c -- see guarded.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "../base/options.h"
#include "../cache/sample.h"
#include "../control/guard_fault.h"
#include "../control/guard_report.h"
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

static _Noreturn void
die_of_slot(const char *name, const void *p, const char *what)
{
	struct sentence s;

	text_str(sentence_begin(&s, name, p), what);
	text_str(&s.text, "\n");
	guard_report_misuse(&s.text, guard_slot_of(p));
	abort();
}

static _Noreturn void
die_inside(const char *name, const void *p, const struct guard_slot *slot)
{
	char buf[128];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, " points into a guarded block (");
	text_uint(&t, slot->bytes);
	text_str(&t, " bytes, offset ");
	text_int(&t, (const char *)p - slot->block);
	text_str(&t, ")");
	buf[t.len] = '\0';
	die_of_slot(name, p, buf);
}

/* Somebody wrote next to a live block, where nothing is inaccessible. */
static _Noreturn void
die_of_spoiled(const char *name, const void *p)
{
	const struct guard_slot *s = guard_slot_of(p);
	const char *at = guard_spoiled(s);
	char buf[128];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, at < s->block ? " was written in front of ("
				   : " was written behind (");
	text_uint(&t, s->bytes);
	text_str(&t, " bytes, offset ");
	text_int(&t, at - s->block);
	text_str(&t, ")");
	buf[t.len] = '\0';
	die_of_slot(name, p, buf);
}

/* p is no live block's first byte. */
static _Noreturn void
die_of_pointer(const char *name, const void *p)
{
	const struct guard_slot *s = guard_slot_of(p);
	/* Acquire: pairs with the release where the state was set. */
	uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);

	if (state == GUARD_UNUSED)
		die_of_slot(name, p, " is not a pointer of this allocator");
	if (p == s->block)
		die_of_slot(name, p, " was already freed");
	die_inside(name, p, s);
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

/*
 * checked.c -- see checked.h.
 */
#include <string.h>

#include "../base/options.h"
#include "../cache/closing.h"
#include "../cache/quarantine.h"
#include "../heap/arena.h"
#include "../heap/guard.h"
#include "../heap/misuse.h"
#include "../heap/tail.h"
#include "../os/guarded.h"
#include "api.h"
#include "checked.h"

bool api_is_checked = true;
size_t api_tail;

/* What check:full lets wait. */
#define QUARANTINE_FULL (16 * MIB)

/*
 * Above 1 MiB only so much is filled: the rest of a block that a program maps
 * for a rainy day would become resident by it.
 */
#define FILL_MAX CLASS_SIZE_MAX

static struct {
	bool is_known; /* the options were read */
	bool poisons, zeros;
	int64_t junk;
} checks;

/* --- early blocks ------------------------------------------------------------- */

/*
 * A table of addresses, open-addressed. Blocks come before the process has a
 * second thread, and each goes by the thread that holds it: so an entry is
 * written by one thread at a time, and others only look past it.
 */
#define EARLY_MAX  2048u
#define EARLY_GONE UINTPTR_MAX

static _Atomic uintptr_t early[EARLY_MAX];
static size_t nearly;

/* The entry for p: its own, or where `may_add` says so one for it; or NULL. */
static _Atomic uintptr_t *
early_find(const void *p, bool may_add)
{
	size_t at = ((uintptr_t)p / QUANTUM_BYTES * 2654435761u) % EARLY_MAX;

	for (size_t i = 0; i < EARLY_MAX; i++, at = (at + 1) % EARLY_MAX) {
		/* Relaxed: see above. */
		uintptr_t is = atomic_load_explicit(&early[at],
						    memory_order_relaxed);

		if (is == (uintptr_t)p)
			return &early[at];
		if (is == 0)
			return may_add ? &early[at] : NULL;
	}
	return NULL;
}

static void
early_note(const void *p)
{
	_Atomic uintptr_t *e = early_find(p, true);

	nearly++;
	if (e != NULL)
		atomic_store_explicit(e, (uintptr_t)p, memory_order_relaxed);
}

/* Guarded blocks (guarded.h) have none either: what is behind them faults. */
static bool
is_without_tail(const void *p)
{
	return guard_owns(p) || early_find(p, false) != NULL;
}

static bool
early_forget(const void *p)
{
	_Atomic uintptr_t *e = early_find(p, false);

	if (e != NULL)
		atomic_store_explicit(e, EARLY_GONE, memory_order_relaxed);
	return e != NULL;
}

/* --- boot ------------------------------------------------------------------------ */

static bool
is_wanted(int64_t value)
{
	return value == SWITCH_ON ||
	       (value == SWITCH_AUTO && option(check) == CHECK_FULL);
}

static int64_t
wanted_junk(void)
{
	if (option(junk) != JUNK_AUTO)
		return option(junk);
	return option(check) == CHECK_FULL ? JUNK_ON : JUNK_OFF;
}

static size_t
wanted_quarantine(void)
{
	if (option(quarantine) >= 0)
		return (size_t)option(quarantine);
	return checks.poisons ? QUARANTINE_FULL : 0;
}

static void
boot_tails(size_t quarantine)
{
	api_tail = TAIL_BYTES;
	cache_use = CACHES_PASSED_BY;
	tail_boot(os_secret());
	quarantine_boot(quarantine, (size_t)option(quarantine_blocks),
			checks.poisons ? (checks.zeros ? 0 : TAIL_POISON)
				       : QUARANTINE_ANY);
}

void
checked_boot(void)
{
	bool has_tails;
	size_t quarantine;

	checks.poisons = is_wanted(option(poison));
	checks.zeros = option(zero);
	checks.junk = wanted_junk();
	quarantine = wanted_quarantine();
	has_tails = is_wanted(option(canary)) || checks.poisons ||
		    quarantine > 0;
	/* As many as that were not remembered one by one. */
	if (has_tails && nearly > EARLY_MAX / 2) {
		complain("too many blocks are older than the options: "
			 "no canary, no poison and no quarantine");
		has_tails = checks.poisons = false;
	}
	api_is_checked = has_tails || checks.zeros || checks.junk != JUNK_OFF;
	checks.is_known = true;
	if (has_tails)
		boot_tails(quarantine);
	else if (api_is_checked)
		cache_use = CACHES_CLOSED;
}

/* --- out ---------------------------------------------------------------------------- */

void
checked_out(void *p, size_t n)
{
	if (!checks.is_known)
		early_note(p);
	else if (api_tail > 0 && !guard_owns(p))
		tail_seal(p, block_span(p), n, TAIL_LIVE);
}

void
checked_fill(void *p, size_t old, size_t n, bool is_zero)
{
	if (!checks.is_known || n <= old)
		return;
	if (checks.junk == JUNK_ON)
		memset((char *)p + old, TAIL_JUNK, min_size(n - old, FILL_MAX));
	else if (checks.junk == JUNK_ZERO && !is_zero)
		memset((char *)p + old, 0, n - old);
}

void
checked_resized(void *p, void *to, size_t old, size_t n)
{
	bool was_early = (to != p || n + TAIL_BYTES <= block_span(p)) &&
			 early_forget(p);

	checked_fill(to, old, n, false);
	if (!checks.is_known || api_tail == 0) {
		if (was_early && !checks.is_known)
			early_note(to);
	} else if (!is_without_tail(to)) {
		tail_seal(to, block_span(to), n, TAIL_LIVE);
	}
}

/* --- in --------------------------------------------------------------------------- */

static _Noreturn void
die_overwritten(const char *name, const void *p, const struct tail *t,
		size_t bytes)
{
	struct misuse m;
	struct text *text = misuse_begin(&m, name, p);

	text_str(text, " was written to behind its end, ");
	if (t->state == TAIL_BROKEN) {
		text_str(text, "all that lies behind it, up to byte ");
		text_uint(text, bytes);
	} else {
		text_str(text, "at byte ");
		text_uint(text, t->at);
		text_str(text, " of ");
		text_uint(text, t->n);
	}
	misuse_die(&m, p);
}

size_t
checked_size(const char *name, const void *p, size_t bytes)
{
	struct tail t;

	if (api_tail == 0 || is_without_tail(p))
		return bytes;
	t = tail_read(p, bytes);
	if (t.state == TAIL_FREED)
		misuse_die_because(name, p, " was already freed");
	if (t.state == TAIL_BROKEN || t.at != TAIL_WHOLE)
		die_overwritten(name, p, &t, bytes);
	return t.n;
}

/*
 * Whole page runs go to the kernel rather than be written: many of their pages
 * never were. Hooks of the program's may map what reads as something else.
 */
static void
wipe(void *p, unsigned cls, size_t bytes)
{
	if (cls == CLASS_RUN && bytes > CLASS_SIZE_MAX &&
	    !arena_is_apart(arena_of(p)) && os_purge(p, bytes))
		return;
	memset(p, 0, bytes);
}

bool
checked_in(const char *name, void *p, unsigned cls, size_t bytes)
{
	bool may_wait = api_tail > 0 && cls != CLASS_RUN &&
			!arena_is_apart(arena_of(p));
	size_t n = checked_size(name, p, bytes);

	if (early_forget(p) && n == bytes && api_tail > 0)
		n -= TAIL_BYTES;
	if (!checks.is_known)
		return false;
	if (checks.zeros)
		wipe(p, cls, bytes);
	else if (checks.poisons && may_wait)
		memset(p, TAIL_POISON, n);
	if (api_tail > 0)
		tail_seal(p, bytes, n, TAIL_FREED);
	return may_wait && quarantine_put(p, cls);
}

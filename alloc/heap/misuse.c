/*
 * misuse.c -- see misuse.h.
 */
#include <errno.h>

#include "arena.h"
#include "guard.h"
#include "misuse.h"
#include "slab.h"
#include "../base/bits.h"
#include "../os/memory.h"
#include "../pages/meta.h"

/* Others may write meanwhile what these functions read. */
#define HINT NOINLINE __attribute__((no_sanitize("thread")))

static void
say(struct text *t, const char *before, size_t n, const char *after)
{
	text_str(t, before);
	text_uint(t, n);
	text_str(t, after);
}

static void
say_offset(struct text *t, size_t offset)
{
	if (offset > 0)
		say(t, ", offset ", offset, "");
}

/* --- in a slab ---------------------------------------------------------------- */

/* Of a slot from byte `first` to byte `last` of its slab. */
static void
say_away(struct text *t, unsigned away, size_t first, size_t last)
{
	unsigned pages = (2u << (last >> PAGE_SHIFT)) -
			 (1u << (first >> PAGE_SHIFT));

	if ((away & pages) != 0)
		text_str(t, (away & pages) == pages
				    ? ", its page was given back"
				    : ", a page of it was given back");
}

/*
 * The slab may be retired meanwhile: its record stays readable, as far as the
 * head goes, but anything may stand there.
 */
static HINT bool
slab_known(struct text *t, const void *p)
{
	const struct slab *s = slab_find(p);
	size_t offset = (uintptr_t)p & (SLAB_BYTES - 1), index, start, nout;
	unsigned cls = s == NULL ? CLASS_NONE : s->cls;
	const struct class_shape *shape;

	if (!class_is_slab(cls) ||
	    offset >> PAGE_SHIFT >= class_slab_npages(cls))
		return false;
	shape = &class_shapes[cls];
	index = (uint64_t)(offset & shape->mask) * shape->magic >> 32;
	/* What lies in the gap behind a group belongs to its last slot. */
	index = min_size(index, shape->per_group - 1u) +
		(offset >> shape->shift) * shape->per_group;
	start = class_slot_offset(cls, index);
	nout = (size_t)s->nslots - s->nfree - s->nhidden;
	say(t, "class ", class_size(cls), " bytes");
	say_offset(t, offset - start);
	say(t, ", slot ", index, " of a slab with ");
	say(t, "", nout, " of ");
	say(t, "", class_nslots(cls), " handed out");
	say_away(t, s->away, start, start + class_size(cls) - 1);
	return true;
}

/* --- in a page run ------------------------------------------------------------- */

static void
say_run(struct text *t, size_t bytes, size_t offset, const char *state)
{
	say(t, "a page run of ", bytes, " bytes");
	text_str(t, state);
	say_offset(t, offset);
}

/*
 * The page run around p, with the program or a cache: found by the first page
 * in front of p that has an entry.
 */
static HINT bool
run_known(struct text *t, const struct region *r, const void *p)
{
	size_t page = region_page(r, p), first = page;
	unsigned cls;

	while (first > 0 && pagemap_get(r, first) == CLASS_TO_MAP(CLASS_NONE))
		first--;
	cls = MAP_TO_CLASS(pagemap_get(r, first));
	if (cls == CLASS_NONE || cls == CLASS_APART || class_is_slab(cls) ||
	    first + r->runs[first] <= page)
		return false;
	say_run(t, (size_t)r->runs[first] << PAGE_SHIFT,
		(uintptr_t)p - r->base - (first << PAGE_SHIFT), "");
	return true;
}

static HINT bool
shelf_known(struct text *t, const struct shelf *s, size_t bytes, const void *p)
{
	unsigned n = s->count;

	for (unsigned i = 0; i < n && i < SHELF_DEPTH; i++) {
		size_t offset = (uintptr_t)p - (uintptr_t)s->runs[i];

		if (offset >= bytes)
			continue;
		say_run(t, bytes, offset, " that waits on a shelf");
		return true;
	}
	return false;
}

static bool
shelves_known(struct text *t, struct pageheap *owner, const void *p)
{
	const struct arena *a = list_entry(owner, struct arena, pages);

	if ((uintptr_t)a - (uintptr_t)arenas >= sizeof arenas)
		return false;
	for (unsigned i = 0; i < NSHELVES; i++) {
		if (shelf_known(t, &a->shelves[i],
				class_size(CLASS_SLAB_MAX + 1 + i), p))
			return true;
	}
	return false;
}

/* --- elsewhere ------------------------------------------------------------------- */

/* A page that is no block's. */
static HINT const char *
page_known(const struct chunk *c, size_t page)
{
	if (chunk_is_fresh(c, page))
		return "its page was never used";
	if (bits_test(c->used, page))
		return "its page is on its way back";
	return bits_test(c->dirty, page) || bits_test(c->soiled, page)
		       ? "its page is free, and not given back yet"
		       : "its page was given back";
}

static HINT void
region_known(struct text *t, const struct region *r, const void *p)
{
	const struct chunk *c = region_chunk(r, p);
	size_t page = region_page(r, p);
	struct pageheap *owner = chunk_owner(c);

	if (slab_known(t, p))
		return;
	if (owner != NULL && bits_test(c->used, page % CHUNK_NPAGES) &&
	    (run_known(t, r, p) || shelves_known(t, owner, p)))
		return;
	text_str(t, page_known(c, page % CHUNK_NPAGES));
}

static void
slot_known(struct text *t, const struct guard_slot *s, const void *p)
{
	if (s->block == NULL) {
		text_str(t, "among the guarded blocks, next to none");
		return;
	}
	say(t, "a guarded block of ", s->bytes, " bytes");
	if (p == s->block)
		return;
	text_str(t, ", offset ");
	text_int(t, (const char *)p - s->block);
}

/* In what is reserved and has no blocks: NULL, or where. */
static const char *
reserved_known(const void *p)
{
	/* Acquire: pairs with the release in region_open_locked(). */
	unsigned n = atomic_load_explicit(&nregions, memory_order_acquire);

	for (unsigned i = 0; i < n; i++) {
		const struct region *r = &regions[i];

		if ((uintptr_t)p - (uintptr_t)r->reservation >=
		    r->reserved_bytes)
			continue;
		return (uintptr_t)p < r->base
			       ? "in the allocator's own tables"
			       : "in addresses that are kept for later";
	}
	return meta_owns(p) ? "in the allocator's own records" : NULL;
}

static const char *
foreign_known(const void *p)
{
	const char *where = reserved_known(p);
	uint64_t bit;

	if (where != NULL)
		return where;
	errno = 0;
	if (os_in_core((const char *)p - ((uintptr_t)p & (PAGE_BYTES - 1)), 1,
		       &bit))
		return "in a mapping of the program's";
	/* Sandboxes may say something else. */
	return errno == ENOMEM ? "nothing is mapped there"
			       : "outside of its memory";
}

void
misuse_known(struct text *t, const void *p)
{
	const struct region *r = region_find(p);

	if (r != NULL)
		region_known(t, r, p);
	else if (guard_owns(p))
		slot_known(t, guard_slot_of(p), p);
	else
		text_str(t, foreign_known(p));
}

/* --- sentences --------------------------------------------------------------------- */

struct text *
misuse_begin(struct misuse *m, const char *name, const void *p)
{
	text_init(&m->text, m->buf, sizeof m->buf);
	text_str(&m->text, "trimalloc: ");
	text_str(&m->text, name);
	text_str(&m->text, ": ");
	text_hex(&m->text, (uintptr_t)p);
	return &m->text;
}

struct text *
misuse_finish(struct misuse *m, const void *p)
{
	text_str(&m->text, " (");
	misuse_known(&m->text, p);
	text_str(&m->text, ")\n");
	return &m->text;
}

_Noreturn void
misuse_die(struct misuse *m, const void *p)
{
	die_text(misuse_finish(m, p));
}

_Noreturn void
misuse_die_because(const char *name, const void *p, const char *why)
{
	struct misuse m;

	text_str(misuse_begin(&m, name, p), why);
	misuse_die(&m, p);
}

_Noreturn void
misuse_die_locked(const char *name, const void *p, const char *why)
{
	struct misuse m;

	text_str(misuse_begin(&m, name, p), why);
	die_text_locked(misuse_finish(&m, p));
}

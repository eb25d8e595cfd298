/*
 * slow.c -- what malloc and free do when their fast paths say no.
 *
 * Called by every other entry point too. errno is preserved by free and set
 * by malloc.
 */
#include <errno.h>

#include "../base/bits.h"
#include "../base/options.h"
#include "../cache/drain.h"
#include "../cache/explicit.h"
#include "../cache/thread.h"
#include "../control/reclaim.h"
#include "../heap/direct.h"
#include "../heap/large.h"
#include "../heap/misuse.h"
#include "../pages/bell.h"
#include "checked.h"
#include "guarded.h"
#include "thread.h"

static _Noreturn void
die_of_scarcity(const char *name, size_t n)
{
	struct text t;
	char buf[256];

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: ");
	text_str(&t, name);
	text_str(&t, ": out of memory for ");
	text_uint(&t, n);
	text_str(&t, " bytes\n");
	die_text(&t);
}

void *
fail_quietly(const char *name, size_t n)
{
	if (option(xmalloc))
		die_of_scarcity(name, n);
	return NULL;
}

void *
fail_enomem(const char *name, size_t n)
{
	errno = ENOMEM;
	return fail_quietly(name, n);
}

/* --- malloc ---------------------------------------------------------------- */

void
alloc_relieve(void)
{
	int before = errno;

	if (bell_is_spent())
		reclaim_relieve();
	errno = before;
}

void *
run_alloc(struct arena *a, size_t n, size_t alignment, bool *is_zero)
{
	void *p;

	n = align_up(n, PAGE_BYTES);
	p = large_alloc(a, n >> PAGE_SHIFT, alignment, CLASS_RUN, is_zero);
	if (p != NULL)
		cache_note_alloc(n);
	alloc_relieve();
	return p;
}

/*
 * A block from the thread's own stack, as malloc's fast path does it, for
 * classes above its table and for aligned requests.
 */
static void *
pop_class(unsigned cls)
{
	struct cache_bin *b = &cache_enter()->bins[cls];
	void **top = b->top;
	void *p = *top;

	if (p != NULL)
		b->top = top - 1;
	cache_leave();
	return p;
}

void *
class_alloc_slow(unsigned cls, bool *is_zero)
{
	void *p = NULL;

	*is_zero = false;
	/* A live thread's anchor has its initial value or a better one. */
	if (tcache_anchor.phase == PHASE_LIVE)
		p = pop_class(cls);
	if (p == NULL) {
		p = cache_alloc(cls, is_zero);
		alloc_relieve();
	}
	/* What reads as zero has no mark, and need not be touched. */
	if (p != NULL && !*is_zero)
		*mark_of(p) = NULL;
	if (p != NULL)
		cache_note_alloc(class_size(cls));
	return p;
}

static void *
try_alloc(size_t n, bool *is_zero)
{
	unsigned cls = n > CLASS_SIZE_MAX ? CLASS_RUN : size_class(n);
	void *p = guarded_alloc(n - api_tail, QUANTUM_BYTES, cls);

	*is_zero = p != NULL;
	if (p != NULL)
		return p;
	if (cls != CLASS_RUN)
		return class_alloc_slow(cls, is_zero);
	/* With its tail it may be too long. */
	return n > REQUEST_MAX
		       ? NULL
		       : run_alloc(cache_arena(), n, PAGE_BYTES, is_zero);
}

bool
alloc_may_retry(size_t n)
{
	struct pagepool_stats pool;

	pagepool_stats(&pool);
	if (n > pool.nchunks * CHUNK_BYTES)
		return false;
	trim_now();
	return true;
}

void *
alloc_slow(size_t n, bool *is_zero)
{
	void *p;

	boot();
	if (n > REQUEST_MAX)
		return NULL;
	p = try_alloc(n + api_tail, is_zero);
	if (p == NULL && alloc_may_retry(n))
		p = try_alloc(n + api_tail, is_zero);
	if (p != NULL && api_is_checked)
		checked_out(p, n);
	return p;
}

void *
malloc_slow(size_t n)
{
	bool is_zero;
	void *p = alloc_slow(n, &is_zero);

	if (p == NULL)
		return fail_enomem("malloc()", n);
	if (api_is_checked)
		checked_fill(p, 0, n, is_zero);
	return p;
}

void *
malloc_or_null(size_t n)
{
	bool is_zero;

	return option(xmalloc) ? alloc_slow(n, &is_zero) : tri_malloc(n);
}

/* --- whose pointer is this? -------------------------------------------------- */

/* An address inside a slab that is no slot's first byte. */
static _Noreturn void
die_inside(const char *name, const void *p, unsigned cls)
{
	const struct class_shape *shape = &class_shapes[cls];
	size_t in_group = (uintptr_t)p & shape->mask;

	misuse_die_because(name, p,
			   in_group < shape->per_group * class_size(cls)
				   ? " points into a block"
				   : " points between blocks");
}

/*
 * The page run around p, found by the first page in front of p that has an
 * entry. A run that ends before p is another one: p's own was freed and waits
 * on a shelf.
 */
static _Noreturn void
die_inside_run(const char *name, const void *p, const struct region *r)
{
	size_t page = region_page(r, p), first = page;

	while (first > 0 && pagemap_get(r, first) == CLASS_TO_MAP(CLASS_NONE))
		first--;
	if (pagemap_get(r, first) == CLASS_TO_MAP(CLASS_NONE) ||
	    first + r->runs[first] <= page)
		misuse_die_because(name, p, " was already freed");
	misuse_die_because(name, p, " points into a block");
}

/* In a page that is or was a slab's. */
static bool
is_in_slab(const void *p)
{
	const struct slab *s = slab_find(p);

	return s != NULL && (size_t)((const char *)p - s->base) >> PAGE_SHIFT <
				    class_slab_npages(s->cls);
}

/*
 * A page of ours that holds no block's first byte: what is it? Its chunk may
 * not have been handed out yet, and then its record has no base.
 */
static _Noreturn void
die_no_block(const char *name, const void *p, const struct region *r)
{
	const struct chunk *c = region_chunk(r, p);
	size_t page = region_page(r, p) % CHUNK_NPAGES;

	if (chunk_owner(c) != NULL && bits_test(c->used, page) &&
	    !is_in_slab(p))
		die_inside_run(name, p, r);
	misuse_die_because(name, p,
			   chunk_is_fresh(c, page)
				   ? " is not a pointer of this allocator"
				   : " was already freed");
}

static bool
is_first_byte(const void *p, unsigned cls)
{
	const struct class_shape *shape = &class_shapes[cls];

	return (uint32_t)((uintptr_t)p & shape->mask) * shape->magic <
	       shape->magic;
}

/* What the page map says, and for an arena apart the slab. */
static unsigned
class_at(const struct region *r, const void *p)
{
	unsigned cls = MAP_TO_CLASS(pagemap_get(r, region_page(r, p)));
	const struct slab *s;

	if (cls != CLASS_APART)
		return cls;
	s = slab_find(p);
	return s == NULL ? CLASS_NONE : s->cls;
}

/* The class of the block that begins at p; dies where none does. */
static unsigned
class_check(const char *name, const void *p)
{
	struct region *r = region_find(p);
	unsigned cls;

	if (r == NULL && guard_owns(p)) {
		guarded_check(name, p);
		return CLASS_GUARDED;
	}
	if (r == NULL)
		misuse_die_because(name, p,
				   " is not a pointer of this allocator");
	cls = class_at(r, p);
	if (cls == CLASS_NONE)
		die_no_block(name, p, r);
	if (is_first_byte(p, cls))
		return cls;
	if (class_is_slab(cls))
		die_inside(name, p, cls);
	die_inside_run(name, p, r);
}

/* In its slab, or never handed out. */
static bool
is_free_in_slab(const void *p)
{
	const struct slab *s = slab_find(p);

	return s == NULL || slab_looks_free(s, p);
}

/*
 * Dies where the block of class cls at p is not in the program's hands. The
 * slab's bit of a block that is live cannot change, so it needs no lock.
 */
static void
live_check(const char *name, void *p, unsigned cls)
{
	if (cls == CLASS_RUN || cls == CLASS_GUARDED)
		return;
	if (class_is_slab(cls) && is_free_in_slab(p))
		misuse_die_because(name, p, " was already freed");
	if (*mark_of(p) == free_mark() && drain_find(p, cls))
		misuse_die_because(name, p, " was already freed");
}

static size_t
block_bytes(const void *p, unsigned cls)
{
	if (cls == CLASS_GUARDED)
		return guard_bytes(p);
	return class_is_slab(cls) ? class_size(cls)
				  : large_npages(p) << PAGE_SHIFT;
}

struct block
block_check(const char *name, const void *p)
{
	struct block b = { class_check(name, p), 0, 0 };

	live_check(name, (void *)(uintptr_t)p, b.cls);
	b.bytes = b.usable = block_bytes(p, b.cls);
	if (api_is_checked)
		b.usable = checked_size(name, p, b.bytes);
	return b;
}

size_t
block_span(const void *p)
{
	return block_bytes(p, guard_owns(p) ? CLASS_GUARDED
					    : class_at(region_find(p), p));
}

/* --- free ------------------------------------------------------------------- */

/*
 * The trim thread of a process that started no other, or of the JNI library,
 * which does not see threads begin.
 */
static void
start_trim_thread(void)
{
	trim_create_fn *create;

	if (!(TRI_JNI && thread_count() > 1) && !trim_is_wanted())
		return;
	create = next_create();
	if (create != NULL)
		trim_start(create);
}

/* No thread's cache keeps a live block of an arena apart. */
static bool
is_apart(const void *p)
{
	return arena_is_apart(arena_of(p));
}

/* The class of a live block that is about to be freed. */
static unsigned
leaving(const char *name, void *p)
{
	unsigned cls = class_check(name, p);

	live_check(name, p, cls);
	if (tcache_anchor.counts != NULL)
		cache_note_free(block_bytes(p, cls));
	return cls;
}

/* What goes to neither a cache nor an arena: true where that was done. */
static bool
free_elsewhere(const char *name, void *p, unsigned cls)
{
	if (cls == CLASS_GUARDED) {
		guarded_free(name, p);
		return true;
	}
	if (!api_is_checked || !checked_in(name, p, cls, block_bytes(p, cls)))
		return false;
	bell_ring();
	return true;
}

static void
free_uncached(void *p, unsigned cls)
{
	direct_free(p, cls);
	bell_ring();
}

static void
after_free(void)
{
	start_trim_thread();
	trim_poll();
}

void
free_for(const char *name, void *p)
{
	unsigned cls = leaving(name, p);

	if (!free_elsewhere(name, p, cls)) {
		if (cls == CLASS_RUN || is_apart(p)) {
			free_uncached(p, cls);
		} else {
			*mark_of(p) = free_mark();
			cache_free(p, cls);
		}
	}
	after_free();
}

void
free_to(const char *name, void *p, struct explicit_cache *e)
{
	unsigned cls = leaving(name, p);

	if (!free_elsewhere(name, p, cls)) {
		if (e == NULL || cls == CLASS_RUN) {
			free_uncached(p, cls);
		} else {
			*mark_of(p) = free_mark();
			explicit_free(e, p, cls);
		}
	}
	after_free();
}

void
free_slow(void *p)
{
	int before = errno;

	if (p == NULL)
		return;
	free_for("free()", p);
	errno = before;
}

/*
 * mallocx.c -- jemalloc's functions with flags: where a block lies, whether it
 * is zeroed, and past or through which cache it goes.
 *
 * What no flag asks for is done as malloc, realloc and free do it. errno stays
 * as it is: these functions say by their result alone that memory is used up.
 */
#include <errno.h>
#include <string.h>

#include "../cache/explicit.h"
#include "../heap/direct.h"
#include "../heap/large.h"
#include "../pages/bell.h"
#include "api.h"
#include "checked.h"
#include "guarded.h"

/* jemalloc's bits; ALIGN and ARENA of 0 mean that nothing was asked for. */
#define FLAG_LG_ALIGN   0x3fu
#define FLAG_ZERO       0x40u
#define FLAG_CACHE(f)   ((unsigned)(f) >> 8 & 0xfffu)
#define FLAG_ARENA(f)   ((unsigned)(f) >> 20)
#define CACHE_AUTOMATIC 0u
#define CACHE_NONE      1u

/* What the flags say. */
struct wish {
	size_t alignment;
	bool is_zero;
	bool is_cached;               /* by the thread's own cache, as ever */
	struct explicit_cache *cache; /* or by this one */
	struct arena *arena;          /* NULL: the thread's own */
};

/* A request's block: its class, CLASS_RUN included, and its bytes. */
struct shape {
	unsigned cls;
	size_t bytes; /* 0: more than there can be */
};

static _Noreturn void
die_of_cache(const char *name, unsigned cache)
{
	char buf[128];
	struct text s, *t = &s;

	text_init(t, buf, sizeof buf);
	text_str(t, "trimalloc: ");
	text_str(t, name);
	text_str(t, ": there is no thread cache ");
	text_uint(t, cache);
	text_str(t, "\n");
	die_text(t);
}

/* False where the flags name an arena that there is not. */
static bool
wish_read(const char *name, int flags, struct wish *w)
{
	unsigned cache = FLAG_CACHE(flags), arena = FLAG_ARENA(flags);

	w->cache = cache > CACHE_NONE ? explicit_find(cache - 2) : NULL;
	if (cache > CACHE_NONE && w->cache == NULL)
		die_of_cache(name, cache - 2);
	w->alignment = (size_t)1 << ((unsigned)flags & FLAG_LG_ALIGN);
	w->is_zero = ((unsigned)flags & FLAG_ZERO) != 0;
	w->is_cached = cache == CACHE_AUTOMATIC && arena == 0;
	w->arena = NULL;
	if (arena == 0)
		return true;
	boot();
	w->arena = arena_find(arena - 1);
	return w->arena != NULL;
}

static struct arena *
wish_arena(const struct wish *w)
{
	return w->arena != NULL ? w->arena : cache_arena();
}

static struct shape
shape_of(size_t n, size_t alignment)
{
	struct shape s = { CLASS_RUN, 0 };

	n = max_size(n, 1);
	if (alignment > REQUEST_MAX || n > REQUEST_MAX - alignment)
		return s;
	s.cls = size_class_aligned(n, alignment);
	s.bytes = s.cls == CLASS_RUN ? align_up(n, PAGE_BYTES)
				     : class_size(s.cls);
	return s;
}

/* The same for a request, whose block may have a tail. */
static struct shape
request_shape(size_t n, size_t alignment)
{
	return shape_of(min_size(n, REQUEST_MAX) + api_tail, alignment);
}

/* Past the thread's own cache. */
static void *
alloc_elsewhere(const struct wish *w, unsigned cls, bool *is_zero)
{
	void *p;

	p = w->cache != NULL ? explicit_alloc(w->cache, w->arena, cls, is_zero)
			     : direct_alloc(wish_arena(w), cls, is_zero);
	bell_ring();
	alloc_relieve();
	if (p == NULL)
		return NULL;
	if (!*is_zero)
		*mark_of(p) = NULL;
	cache_note_alloc(class_size(cls));
	return p;
}

static void *
alloc_once(const struct wish *w, const struct shape *s, bool *is_zero)
{
	void *p = w->is_cached ? guarded_alloc(s->bytes - api_tail,
					       w->alignment, s->cls)
			       : NULL;

	*is_zero = p != NULL;
	if (p != NULL)
		return p;
	if (s->cls != CLASS_RUN)
		return w->is_cached ? class_alloc_slow(s->cls, is_zero)
				    : alloc_elsewhere(w, s->cls, is_zero);
	return run_alloc(wish_arena(w), s->bytes, w->alignment, is_zero);
}

/* A block for a wish; NULL where there is no memory. */
static void *
alloc(const struct wish *w, size_t n)
{
	struct shape s = request_shape(n, w->alignment);
	bool is_zero = false;
	void *p;

	if (s.bytes == 0)
		return NULL;
	boot();
	p = alloc_once(w, &s, &is_zero);
	if (p == NULL && alloc_may_retry(s.bytes + w->alignment))
		p = alloc_once(w, &s, &is_zero);
	if (p != NULL && w->is_zero && !is_zero)
		memset(p, 0, s.bytes);
	if (p != NULL && api_is_checked) {
		checked_out(p, n);
		if (!w->is_zero)
			checked_fill(p, 0, n, is_zero);
	}
	return p;
}

static void *
alloc_or_fail(const char *name, const struct wish *w, size_t n)
{
	void *p = alloc(w, n);

	return p != NULL ? p : fail_quietly(name, n);
}

/*
 * A guarded block has what is asked for, and nallocx() said more; but n where
 * blocks have tails, which then say so.
 */
static size_t
promised(size_t n)
{
	bool is_more = guard_is_on() && api_tail == 0;
	size_t bytes = is_more ? shape_of(n, 1).bytes : 0;

	return bytes != 0 ? bytes : n;
}

EXPORT void *
tri_mallocx(size_t n, int flags)
{
	int before = errno;
	struct wish w;
	void *p = NULL;

	if (flags == 0)
		p = tri_malloc(promised(n));
	else if (wish_read("mallocx()", flags, &w))
		p = alloc_or_fail("mallocx()", &w, n);
	errno = before;
	return p;
}
INTERPOSE(void *, mallocx, (size_t, int))

EXPORT size_t
tri_nallocx(size_t n, int flags)
{
	size_t alignment = (size_t)1 << ((unsigned)flags & FLAG_LG_ALIGN);
	size_t bytes = request_shape(n, alignment).bytes;

	return bytes > 0 && api_tail > 0 ? max_size(n, 1) : bytes;
}
INTERPOSE(size_t, nallocx, (size_t, int))

EXPORT size_t
tri_sallocx(const void *p, int flags UNUSED)
{
	return block_check("sallocx()", p).usable;
}
INTERPOSE(size_t, sallocx, (const void *, int))

/* --- free ------------------------------------------------------------------- */

static void
free_wished(const struct wish *w, const char *name, void *p)
{
	if (w->is_cached)
		tri_free(p);
	else
		free_to(name, p, w->cache);
}

EXPORT void
tri_dallocx(void *p, int flags)
{
	int before = errno;
	struct wish w;

	if (p == NULL)
		return;
	/* An arena that is gone is no reason to keep the block. */
	wish_read("dallocx()", flags, &w);
	free_wished(&w, "dallocx()", p);
	errno = before;
}
INTERPOSE(void, dallocx, (void *, int))

EXPORT void
tri_sdallocx(void *p, size_t n, int flags)
{
	struct wish w;

	if (p == NULL)
		return;
	wish_read("sdallocx()", flags, &w);
	if (w.is_cached && w.alignment <= QUANTUM_BYTES) {
		free_sized_for("sdallocx()", p, n);
		return;
	}
	sized_check("sdallocx()", p, w.alignment, n);
	tri_dallocx(p, flags);
}
INTERPOSE(void, sdallocx, (void *, size_t, int))

/* --- another size ------------------------------------------------------------ */

/* Zeroes what a block got behind its first `old` bytes. */
static void
zero_behind(const struct wish *w, void *p, size_t old)
{
	size_t now;

	if (!w->is_zero)
		return;
	now = block_check("rallocx()", p).usable;
	if (now > old)
		memset((char *)p + old, 0, now - old);
}

static void *
move(const struct wish *w, void *p, size_t n, const struct block *b)
{
	void *to = alloc_or_fail("rallocx()", w, n);

	if (to == NULL)
		return NULL;
	memcpy(to, p, min_size(n, b->usable));
	free_wished(w, "rallocx()", p);
	return to;
}

/* NULL, and the block as it was, where there is no memory. */
static void *
resize(const struct wish *w, void *p, size_t n, const struct block *b)
{
	bool is_aligned = ((uintptr_t)p & (w->alignment - 1)) == 0;
	void *to = NULL;

	if (is_aligned && resize_stays(n + api_tail, b))
		return p;
	/* A block that moves begins at a page and no more. */
	if (is_aligned && !class_is_slab(b->cls) && b->cls != CLASS_GUARDED &&
	    w->alignment <= PAGE_BYTES)
		to = resize_large(wish_arena(w), p, n + api_tail, b->bytes);
	return to != NULL ? to : move(w, p, n, b);
}

EXPORT void *
tri_rallocx(void *p, size_t n, int flags)
{
	int before = errno;
	struct block b;
	struct wish w;
	void *to;

	if (p == NULL)
		return tri_mallocx(n, flags);
	b = block_check("rallocx()", p);
	if (!wish_read("rallocx()", flags, &w))
		return NULL;
	if (request_shape(n, w.alignment).bytes == 0)
		return fail_quietly("rallocx()", n);
	to = resize(&w, p, n, &b);
	if (to != NULL && api_is_checked)
		checked_resized(p, to, b.usable, n);
	if (to != NULL)
		zero_behind(&w, to, b.usable);
	errno = before;
	return to;
}
INTERPOSE(void *, rallocx, (void *, size_t, int))

/* The most that n and extra bytes may ask for. */
static size_t
most(size_t n, size_t extra)
{
	size_t sum;

	if (__builtin_add_overflow(n, extra, &sum))
		return REQUEST_MAX - PAGE_BYTES;
	return min_size(sum, REQUEST_MAX - PAGE_BYTES);
}

/* Makes a page run n bytes long where it stands; its bytes before: `bytes`. */
static bool
resize_here(void *p, size_t n, size_t bytes)
{
	struct shape s = shape_of(n, 1);

	if (s.bytes == bytes)
		return true;
	if (!large_resize(p, s.bytes >> PAGE_SHIFT, s.cls))
		return false;
	cache_note_alloc(s.bytes);
	cache_note_free(bytes);
	alloc_relieve();
	return true;
}

EXPORT size_t
tri_xallocx(void *p, size_t n, size_t extra, int flags)
{
	struct block b = block_check("xallocx()", p);
	size_t least = max_size(n, SLAB_SIZE_MAX + 1);
	size_t max = max_size(most(n, extra), SLAB_SIZE_MAX + 1);
	int before = errno;
	struct wish w;

	/* Slots are of one size, and a run of pages never becomes one. */
	if (class_is_slab(b.cls) || b.cls == CLASS_GUARDED ||
	    n > REQUEST_MAX - PAGE_BYTES)
		return b.usable;
	wish_read("xallocx()", flags, &w);
	if (!resize_here(p, max + api_tail, b.bytes) &&
	    b.bytes < least + api_tail)
		resize_here(p, least + api_tail, b.bytes);
	if (api_is_checked)
		checked_resized(p, p, b.usable,
				min_size(max, block_span(p) - api_tail));
	zero_behind(&w, p, b.usable);
	errno = before;
	return block_check("xallocx()", p).usable;
}
INTERPOSE(size_t, xallocx, (void *, size_t, size_t, int))

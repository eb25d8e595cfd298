/*
 * realloc.c -- realloc and reallocarray: in place where that is possible, by
 * moving pages where that is cheaper than copying, else by copying.
 */
#include <errno.h>
#include <string.h>

#include "../control/ctl.h"
#include "../heap/guard.h"
#include "../heap/large.h"
#include "api.h"
#include "checked.h"

_Atomic bool api_has_oversized;

/* What a large block of n bytes should be: its class and its pages. */
struct shape {
	unsigned cls;
	size_t npages;
};

static struct shape
shape_of(size_t n)
{
	struct shape s = { CLASS_RUN, align_up(n, PAGE_BYTES) >> PAGE_SHIFT };

	if (n <= CLASS_SIZE_MAX) {
		s.cls = size_class(n);
		s.npages = class_size(s.cls) >> PAGE_SHIFT;
	}
	return s;
}

/* A block that keeps half of its bytes in use is not worth a copy. */
static bool
fits_slot(size_t n, size_t bytes)
{
	return n <= bytes && (n >= bytes / 2 || bytes <= QUANTUM_BYTES);
}

bool
resize_stays(size_t n, const struct block *b)
{
	return class_is_slab(b->cls) && fits_slot(n, b->bytes);
}

void *
resize_large(struct arena *a, void *p, size_t n, size_t bytes)
{
	struct shape s = shape_of(n);

	/* Large blocks that become small go to a slab, by a copy. */
	if (n <= SLAB_SIZE_MAX)
		return NULL;
	/* What alloc_to_grow() gave on top stays. */
	if (bytes <= CLASS_SIZE_MAX && n <= bytes && n >= bytes / 4 * 3)
		return p;
	if (s.npages == bytes >> PAGE_SHIFT)
		return p;
	if (!large_resize(p, s.npages, s.cls))
		p = large_move(a, p, s.npages);
	if (p != NULL) {
		cache_note_alloc(s.npages << PAGE_SHIFT);
		cache_note_free(bytes);
		alloc_relieve();
	}
	return p;
}

/*
 * A block that grows is likely to grow again: a quarter more than it has makes
 * the copies of a series of reallocs a constant factor of the last one.
 */
static void *
alloc_to_grow(size_t n, size_t bytes)
{
	size_t more = bytes + bytes / 4;
	void *to = n > bytes && n < more && more <= CLASS_SIZE_MAX
			   ? malloc_or_null(more)
			   : NULL;

	return to != NULL ? to : malloc_or_null(n);
}

static void *
move(void *p, size_t n, size_t usable)
{
	void *to = alloc_to_grow(n, usable);

	if (to == NULL)
		return NULL;
	memcpy(to, p, min_size(n, usable));
	tri_free(p);
	return to;
}

static void *
resize(void *p, size_t n, const struct block *b)
{
	size_t want = n + api_tail;
	void *to;

	if (b->cls == CLASS_GUARDED)
		return n == b->bytes ? p : move(p, n, b->usable);
	if (class_is_slab(b->cls))
		return resize_stays(want, b) ? p : move(p, n, b->usable);
	to = resize_large(cache_arena(), p, want, b->bytes);
	return to != NULL ? to : move(p, n, b->usable);
}

EXPORT void *
tri_realloc(void *p, size_t n)
{
	int before = errno;
	struct block b;
	void *to;

	if (p == NULL)
		return tri_malloc(n);
	b = block_check("realloc()", p);
	/* As glibc does it: the block is freed, and there is no new one. */
	if (n == 0) {
		atomic_fetch_add_explicit(&ctl_zero_reallocs, 1,
					  memory_order_relaxed);
		tri_free(p);
		return NULL;
	}
	if (n > REQUEST_MAX)
		return fail_enomem("realloc()", n);
	to = resize(p, n, &b);
	/* Out of memory, but there is room where the block stands. */
	if (to == NULL && n <= b.usable) {
		/* Relaxed: a flag that is never taken back. */
		atomic_store_explicit(&api_has_oversized, true,
				      memory_order_relaxed);
		to = p;
	}
	if (to == NULL)
		return fail_enomem("realloc()", n);
	if (api_is_checked)
		checked_resized(p, to, b.usable, n);
	errno = before;
	return to;
}
INTERPOSE(void *, realloc, (void *, size_t))
INTERPOSE_AS(void *, realloc, __libc_realloc, (void *, size_t))

EXPORT void *
tri_reallocarray(void *p, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		return fail_enomem("reallocarray()", SIZE_MAX);
	return tri_realloc(p, n);
}
INTERPOSE(void *, reallocarray, (void *, size_t, size_t))

/*
 * memalign.c -- aligned blocks: from a slab whose slots are aligned anyway,
 * else from a page run at the right place.
 */
#include <errno.h>

#include "../os/os.h"
#include "api.h"
#include "checked.h"
#include "guarded.h"

/* A block of n bytes, its tail included. */
static void *
try_aligned(size_t alignment, size_t n, bool *is_zero)
{
	unsigned cls = size_class_aligned(n, alignment);
	void *p = guarded_alloc(n - api_tail, alignment, cls);

	if (p != NULL)
		return p;
	if (cls != CLASS_RUN)
		return class_alloc_slow(cls, is_zero);
	return run_alloc(cache_arena(), n, alignment, is_zero);
}

/* NULL, errno untouched, where there is no memory. */
static void *
aligned(size_t alignment, size_t n)
{
	bool is_zero = false;
	void *p;

	boot();
	if (n > REQUEST_MAX - alignment)
		return NULL;
	p = try_aligned(alignment, max_size(n, 1) + api_tail, &is_zero);
	if (p == NULL && alloc_may_retry(n + alignment))
		p = try_aligned(alignment, max_size(n, 1) + api_tail, &is_zero);
	if (p != NULL && api_is_checked) {
		checked_out(p, n);
		checked_fill(p, 0, n, is_zero);
	}
	return p;
}

static void *
aligned_for(const char *name, size_t alignment, size_t n)
{
	int before = errno;
	void *p;

	/* As glibc does it: what is no power of two is rounded up to one. */
	if (alignment > REQUEST_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	if (!is_power_of_two(alignment))
		alignment = alignment == 0 ? 1
					   : (size_t)2 << log2_floor(alignment);
	p = aligned(alignment, n);
	if (p == NULL)
		return fail_enomem(name, n);
	errno = before;
	return p;
}

EXPORT void *
tri_memalign(size_t alignment, size_t n)
{
	return aligned_for("memalign()", alignment, n);
}
INTERPOSE(void *, memalign, (size_t, size_t))
INTERPOSE_AS(void *, memalign, __libc_memalign, (size_t, size_t))

EXPORT void *
tri_aligned_alloc(size_t alignment, size_t n)
{
	if (!is_power_of_two(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned_for("aligned_alloc()", alignment, n);
}
INTERPOSE(void *, aligned_alloc, (size_t, size_t))

EXPORT int
tri_posix_memalign(void **out, size_t alignment, size_t n)
{
	int before = errno;
	void *p;

	if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	p = alignment > REQUEST_MAX ? NULL : aligned(alignment, n);
	if (p == NULL)
		fail_quietly("posix_memalign()", n);
	/* POSIX: the result says it, errno does not, *out stays on failure. */
	errno = before;
	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}
INTERPOSE(int, posix_memalign, (void **, size_t, size_t))

EXPORT void *
tri_valloc(size_t n)
{
	return aligned_for("valloc()", os_page_bytes(), n);
}
INTERPOSE(void *, valloc, (size_t))
INTERPOSE_AS(void *, valloc, __libc_valloc, (size_t))

EXPORT void *
tri_pvalloc(size_t n)
{
	size_t page = os_page_bytes();

	if (n > REQUEST_MAX - page)
		return fail_enomem("pvalloc()", n);
	return aligned_for("pvalloc()", page, align_up(max_size(n, 1), page));
}
INTERPOSE(void *, pvalloc, (size_t))
INTERPOSE_AS(void *, pvalloc, __libc_pvalloc, (size_t))

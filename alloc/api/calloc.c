/*
 * calloc.c -- calloc: zeroes what is not known to be zero.
 */
#include <string.h>

#include "api.h"

EXPORT void *
tri_calloc(size_t count, size_t size)
{
	bool is_zero = false;
	size_t n;
	void *p;

	if (__builtin_mul_overflow(count, size, &n))
		return fail_enomem("calloc()", SIZE_MAX);
	p = n <= SLAB_SIZE_MAX ? malloc_or_null(n) : alloc_slow(n, &is_zero);
	if (p == NULL)
		return fail_enomem("calloc()", n);
	return is_zero ? p : memset(p, 0, n);
}
INTERPOSE(void *, calloc, (size_t, size_t))
INTERPOSE_AS(void *, calloc, __libc_calloc, (size_t, size_t))

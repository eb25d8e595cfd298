/*
 * guarded.h -- blocks from the pool of guarded slots, for the entry points.
 *
 * Above   slow.c, memalign.c, mallocx.c, boot.c
 * Lock    none
 * Always  nothing is done while there is no pool (heap/guard.h)
 */
#ifndef TRI_API_GUARDED_H
#define TRI_API_GUARDED_H

#include "../heap/guard.h"

void *guarded_alloc_slow(size_t n, size_t alignment, unsigned cls);

/*
 * A guarded block of n bytes, all zero, where the thread's next one is to be
 * guarded; NULL: take one from elsewhere, of class cls. Slow paths alone.
 */
ALWAYS_INLINE void *
guarded_alloc(size_t n, size_t alignment, unsigned cls)
{
	return guard_is_on() ? guarded_alloc_slow(n, alignment, cls) : NULL;
}

/* Dies, and tells about the block, where none that is live begins at p. */
void guarded_check(const char *name, const void *p);

/* Frees the block at p, of the pool, on behalf of `name`. */
void guarded_free(const char *name, void *p);

/* The pool, where the options want one. Once, at boot. */
void guarded_boot(void);

#endif

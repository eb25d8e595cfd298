/*
 * malloc.c -- malloc and free: the two fast paths and nothing else.
 *
 * A block goes from and to the calling thread's own stack of its size class.
 * Whatever does not fit that picture (no cache yet, an empty or full stack, a
 * large block, a pointer that is not ours, a block that looks freed already)
 * is found out by a comparison that is needed anyway, and goes to slow.c.
 * tests/process/instruction_count pins what the pair costs.
 */
#include "api.h"

struct api_table api_table;
size_t api_fast_end;

/*
 * The bin of a cache at an offset. The empty statement makes the compiler
 * forget that two calls give the same address, so that it adds base and index
 * within each access, where that is free, and not once in between.
 */
ALWAYS_INLINE struct cache_bin *
bin_at(struct tcache *c, size_t *offset)
{
	__asm__("" : "+r"(*offset));
	return (struct cache_bin *)(void *)((char *)c + *offset);
}

EXPORT void *
tri_malloc(size_t n)
{
	struct tcache *c;
	size_t offset;
	void *p;

	if (UNLIKELY(n >= api_fast_end))
		return malloc_slow(n);
	offset = api_bins[(n + QUANTUM_BYTES - 1) / QUANTUM_BYTES];
	c = cache_enter();
	p = *bin_at(c, &offset)->top;
	KEEP_IN_RESULT(p);
	if (UNLIKELY(p == NULL)) {
		cache_leave();
		return malloc_slow(n);
	}
	*mark_of(p) = NULL;
	bin_at(c, &offset)->top--;
	cache_leave();
	return p;
}
INTERPOSE(void *, malloc, (size_t))
INTERPOSE_AS(void *, malloc, __libc_malloc, (size_t))

EXPORT void
tri_free(void *p)
{
	size_t page = ((uintptr_t)p - region_front.base) >> PAGE_SHIFT;
	struct tcache *c;
	size_t offset;
	void *mark, **top;

	if (UNLIKELY(page >= region_front_npages()))
		goto slow;
	/* Relaxed: as in pagemap_get(). */
	offset = atomic_load_explicit(&region_front.map[page],
				      memory_order_relaxed);
	mark = free_mark();
	c = cache_enter();
	/* A slot's first byte, and not free already, and room for it. */
	if (UNLIKELY(((uint32_t)(uintptr_t)p & bin_at(c, &offset)->mask) *
			     bin_at(c, &offset)->magic >=
		     bin_at(c, &offset)->remainder) ||
	    UNLIKELY(*mark_of(p) == mark))
		goto leave;
	top = bin_at(c, &offset)->top;
	if (UNLIKELY(top == bin_at(c, &offset)->limit))
		goto leave;
	*mark_of(p) = mark;
	top[1] = p;
	bin_at(c, &offset)->top++;
	cache_leave();
	return;
leave:
	cache_leave();
slow:
	free_slow(p);
}
INTERPOSE(void, free, (void *))
INTERPOSE_AS(void, free, cfree, (void *))
INTERPOSE_AS(void, free, __libc_free, (void *))

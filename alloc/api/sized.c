/*
 * sized.c -- free_sized, free_aligned_sized, malloc_usable_size: the caller
 * says what he believes, and a wrong belief is reported.
 */
#include <errno.h>

#include "../heap/guard.h"
#include "../heap/misuse.h"
#include "api.h"

/* A block with a tail knows what was requested. */
static bool
has_tail(const struct block *b)
{
	return b->usable != b->bytes;
}

/* True where a request of n bytes may have given a block of this many. */
static bool
size_is_possible(size_t n, const struct block *b)
{
	/* A guarded block has what was asked for; nallocx() says more. */
	if (b->cls == CLASS_GUARDED)
		return n <= class_size(size_class(b->bytes));
	return has_tail(b) ? n == b->usable : n <= b->bytes;
}

static bool
size_is_exact(size_t n, const struct block *b)
{
	/* A block that realloc left in place may be up to twice as large. */
	if (!size_is_possible(n, b))
		return false;
	return has_tail(b) || n >= b->bytes / 2 ||
	       b->bytes <= 2 * QUANTUM_BYTES ||
	       atomic_load_explicit(&api_has_oversized, memory_order_relaxed);
}

/*
 * The common case, without a look at the block: a request of n bytes gives the
 * class that the page map has for p. free() checks the rest.
 */
static bool
has_class_of(void *p, size_t n)
{
	size_t page = ((uintptr_t)p - region_front.base) >> PAGE_SHIFT;

	return n < api_fast_end && page < region_front_npages() &&
	       pagemap_get(&regions[0], page) ==
		       api_bins[(n + QUANTUM_BYTES - 1) / QUANTUM_BYTES] &&
	       *mark_of(p) != free_mark();
}

static _Noreturn void
die_of_size(const char *name, const void *p, size_t n, size_t bytes)
{
	struct misuse m;
	struct text *t = misuse_begin(&m, name, p);

	text_str(t, " has size ");
	text_uint(t, bytes);
	text_str(t, ", not ");
	text_uint(t, n);
	misuse_die(&m, p);
}

static _Noreturn void
die_of_alignment(const char *name, const void *p, size_t alignment)
{
	struct misuse m;
	struct text *t = misuse_begin(&m, name, p);

	text_str(t, " was not allocated with alignment ");
	text_uint(t, alignment);
	misuse_die(&m, p);
}

/* Also C++'s sized delete, which names itself. */
void
free_sized_for(const char *name, void *p, size_t n)
{
	struct block b;
	int before = errno;

	if (p == NULL)
		return;
	if (has_class_of(p, n)) {
		tri_free(p);
		return;
	}
	b = block_check(name, p);
	if (!size_is_exact(n, &b))
		die_of_size(name, p, n, b.usable);
	tri_free(p);
	errno = before;
}

void
sized_check(const char *name, const void *p, size_t alignment, size_t n)
{
	struct block b = block_check(name, p);

	if (!is_power_of_two(alignment) || (uintptr_t)p % alignment != 0)
		die_of_alignment(name, p, alignment);
	/* Alignment may have asked for much more than n. */
	if (!(alignment <= QUANTUM_BYTES ? size_is_exact(n, &b)
					 : size_is_possible(n, &b)))
		die_of_size(name, p, n, b.usable);
}

void
free_aligned_sized_for(const char *name, void *p, size_t alignment, size_t n)
{
	struct block b;
	int before = errno;

	if (p == NULL)
		return;
	b = block_check(name, p);
	if (!is_power_of_two(alignment) || (uintptr_t)p % alignment != 0)
		die_of_alignment(name, p, alignment);
	if (!size_is_possible(n, &b))
		die_of_size(name, p, n, b.usable);
	tri_free(p);
	errno = before;
}

EXPORT void
tri_free_sized(void *p, size_t n)
{
	free_sized_for("free_sized()", p, n);
}
INTERPOSE(void, free_sized, (void *, size_t))

EXPORT void
tri_free_aligned_sized(void *p, size_t alignment, size_t n)
{
	free_aligned_sized_for("free_aligned_sized()", p, alignment, n);
}
INTERPOSE(void, free_aligned_sized, (void *, size_t, size_t))

EXPORT size_t
tri_malloc_usable_size(void *p)
{
	return p == NULL ? 0 : block_check("malloc_usable_size()", p).usable;
}
INTERPOSE(size_t, malloc_usable_size, (void *))

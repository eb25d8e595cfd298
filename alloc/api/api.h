/*
 * api.h -- what the entry points share.
 *
 * Above   nobody: this is the top floor
 * Lock    none
 * Always  every entry point is a function tri_<name>; the interposing library
 *         exports it a second time under the standard name
 */
#ifndef TRI_API_API_H
#define TRI_API_API_H

#include "../base/check.h"
#include "../cache/counts.h"
#include "../cache/tcache.h"
#include "../pages/region.h"
#include "trimalloc/trimalloc.h"

#if !defined(TRI_JNI)
#error "TRI_JNI is always defined, 0 or 1"
#endif

/*
 * INTERPOSE(ret, name, params) exports tri_<name> as <name> too;
 * INTERPOSE_AS(ret, name, alias, params) under any other name.
 */
/* gcc wants an alias to promise what its target promises; clang has no word. */
#if defined(__clang__)
#define SAME_ATTRIBUTES(name)
#else
#define SAME_ATTRIBUTES(name) __attribute__((copy(name)))
#endif

#if TRI_JNI
#define INTERPOSE(ret, name, params)
#define INTERPOSE_AS(ret, name, alias, params)
#else
#define INTERPOSE_AS(ret, name, as, params)              \
	EXPORT ret as params SAME_ATTRIBUTES(tri_##name) \
		__attribute__((alias("tri_" #name)));
#define INTERPOSE(ret, name, params) INTERPOSE_AS(ret, name, name, params)
#endif

/* Requests up to here find their class in a table. */
#define FAST_MAX (32 * KIB)

/*
 * The bin of a request, by (bytes + 15) / 16, and the size at which malloc's
 * fast path ends: 0 before the constructor has run, FAST_MAX + 1 after.
 */
extern size_t api_fast_end HIDDEN;
struct api_table {
	uint16_t bins[FAST_MAX / QUANTUM_BYTES + 1];
} __attribute__((aligned(PAGE_BYTES))); /* alone on its pages: boot seals it */

extern struct api_table api_table HIDDEN;
#define api_bins api_table.bins

/*
 * While a block is free in a thread cache its second word holds this value,
 * so that free() knows at once what is freed twice. It is the page map's
 * address: no program stores it, and free() has it at hand. A program may
 * still come to hold it by copying freed memory, so a match is a suspicion
 * that the slow path checks, not a verdict.
 */
ALWAYS_INLINE void *
free_mark(void)
{
	return (void *)(uintptr_t)region_front.map;
}

ALWAYS_INLINE void **
mark_of(void *p)
{
	return (void **)p + 1;
}

/* The slow paths of the two fast paths. `name` is who asks, for messages. */
void *malloc_slow(size_t n);
void free_slow(void *p);

/* As malloc_slow, and says whether the block is known to read as zero. */
void *alloc_slow(size_t n, bool *is_zero);

/* The same for a class that is not CLASS_RUN. */
void *class_alloc_slow(unsigned cls, bool *is_zero);

/*
 * A page run of no class of an arena, of at least n bytes, n at most REQUEST_MAX:
 * above CLASS_SIZE_MAX, or at an alignment that no slab has. NULL where there is
 * no memory.
 */
void *run_alloc(struct arena *a, size_t n, size_t alignment, bool *is_zero);

/*
 * After a block was taken and before it is touched: near a memory limit this
 * waits for what gives memory back. errno is preserved.
 */
void alloc_relieve(void);

/*
 * The kernel gave no n bytes: trims, and says so, where what we hold may be of
 * any use.
 */
bool alloc_may_retry(size_t n);

/* Frees p on behalf of `name`, e.g. "realloc()". p is not NULL. */
void free_for(const char *name, void *p);

/* The same, and the block goes to that cache, or (NULL) to its arena at once. */
struct explicit_cache;
void free_to(const char *name, void *p, struct explicit_cache *e);

/* free_sized and free_aligned_sized on behalf of `name`. */
void free_sized_for(const char *name, void *p, size_t n);
void free_aligned_sized_for(const char *name, void *p, size_t alignment,
			    size_t n);

/* Dies where a live block cannot be of that size, or not so aligned. */
void sized_check(const char *name, const void *p, size_t alignment, size_t n);

/*
 * A realloc found no memory for a smaller block and left the larger one: from
 * then on a size below a block's half is no proof that it is wrong.
 */
extern _Atomic bool api_has_oversized;

/*
 * A live block's class and bytes. Dies, naming the function, where p
 * is no block that is in the program's hands.
 */
struct block {
	unsigned cls;
	size_t bytes;  /* of its slot or its pages */
	size_t usable; /* of them by the program: fewer where it has a tail */
};

struct block block_check(const char *name, const void *p);

/* The bytes of a block that is known to be one. */
size_t block_span(const void *p);

/* Whether a block from a slab may stay where it is when it is to have n bytes. */
bool resize_stays(size_t n, const struct block *b);

/*
 * A page run of `bytes` gets n bytes without a copy of its contents: where it
 * is, or in arena a by a move of its pages. NULL, and nothing changed, where
 * that cannot be.
 */
void *resize_large(struct arena *a, void *p, size_t n, size_t bytes);

/* What the program's variable malloc_conf says, or NULL. */
const char *api_malloc_conf(void);

/* Makes the allocator ready; at the first slow path of the process. */
void boot(void);

/*
 * There are no n bytes for `name`: NULL, and errno is ENOMEM. Where the option
 * xmalloc says so the process ends instead, and a sentence says why.
 */
void *fail_enomem(const char *name, size_t n);

/* The same for functions that say it by their result alone: errno stays. */
void *fail_quietly(const char *name, size_t n);

/* malloc for an entry point that says itself what NULL means. */
void *malloc_or_null(size_t n);

#endif

/*
 * sizeclass.h -- the ladder of block sizes.
 *
 * Above   all of heap, cache and api
 * Lock    none: constants
 * Always  class_size(size_class(n)) >= n; the waste is below 1/8 of the block
 *         above 256 bytes, below 16 bytes up to there, and below 1/5 for the
 *         four classes that begin with 20 KiB
 *
 *	class	  1 .. 16	16 .. 256	steps of 16 bytes	slab
 *	class	 17 .. 64	288 .. 16 KiB	8 per doubling		slab
 *	class	 65 .. 68	20 .. 32 KiB	steps of 4 KiB		page run
 *	class	 69 .. 108	36 KiB .. 1 MiB	8 per doubling		page run
 *	class	109		any pages	exact			page run
 *
 * Eight steps per doubling and not four: with Native Memory Tracking HotSpot
 * adds 18 bytes to each request, so its powers of two would spill into a block
 * a quarter larger.
 */
#ifndef TRI_HEAP_SIZECLASS_H
#define TRI_HEAP_SIZECLASS_H

#include "../base/base.h"

/* Class 0 stands for "no block of ours" in the page map. */
#define CLASS_NONE      0u
#define CLASS_SLAB_MAX  64u
#define CLASS_LARGE_MAX 108u

/* A page run that is of no class: never cached by threads. */
#define CLASS_RUN 109u
#define NCLASSES  110u

#define SLAB_SIZE_MAX  (16 * KIB)
#define CLASS_SIZE_MAX (1 * MIB)

/*
 * The page map names a class by the offset of its bin in a thread cache, so
 * that free() need not multiply. cache/tcache.h asserts the stride.
 */
#define CLASS_STRIDE    32u
#define CLASS_TO_MAP(c) ((uint16_t)((c)*CLASS_STRIDE))
#define MAP_TO_CLASS(m) ((unsigned)(m) / CLASS_STRIDE)

extern const uint32_t class_sizes[NCLASSES];

/* Bytes of a block; 0 for CLASS_NONE and CLASS_RUN. */
ALWAYS_INLINE size_t
class_size(unsigned cls)
{
	return class_sizes[cls];
}

ALWAYS_INLINE bool
class_is_slab(unsigned cls)
{
	return cls - 1 < CLASS_SLAB_MAX;
}

/* The step of n, (2^e, 2^(e+1)], counted in eighths of 2^e: 1 to 8. */
ALWAYS_INLINE unsigned
class_eighth(size_t n, unsigned e)
{
	return (unsigned)((n - ((size_t)1 << e) + ((size_t)1 << (e - 3)) - 1) >>
			  (e - 3));
}

/* The class of a request of at most CLASS_SIZE_MAX bytes; 0 counts as 1. */
ALWAYS_INLINE unsigned
size_class(size_t n)
{
	unsigned e;

	if (n <= 256)
		return n == 0 ? 1 : (unsigned)((n + 15) / 16);
	e = log2_floor(n - 1);
	if (n <= SLAB_SIZE_MAX)
		return 16 + (e - 8) * 8 + class_eighth(n, e);
	if (n <= 32 * KIB)
		return 64 + (unsigned)((n - SLAB_SIZE_MAX + 4095) / 4096);
	return 68 + (e - 15) * 8 + class_eighth(n, e);
}

/*
 * ceil(2^32 / d). For offsets below 2^16 and d of at most 2^15:
 * (uint32_t)(offset * magic) < magic exactly where d divides the offset, and
 * offset * magic >> 32 is the quotient (D. Lemire, O. Kaser, N. Kurz, "Faster
 * Remainder by Direct Computation", 2019; tested for every pair).
 */
ALWAYS_INLINE uint32_t
divide_magic(size_t d)
{
	return (uint32_t)(UINT32_MAX / d + 1);
}

/* What a block's address within its 64 KiB must be a multiple of. */
ALWAYS_INLINE uint32_t
class_magic(unsigned cls)
{
	return divide_magic(class_is_slab(cls) ? class_size(cls) : PAGE_BYTES);
}

/*
 * The least class for a slab or cached run whose blocks are `size` bytes at
 * least and lie at multiples of `alignment`; CLASS_RUN where there is none.
 */
unsigned size_class_aligned(size_t size, size_t alignment);

#endif

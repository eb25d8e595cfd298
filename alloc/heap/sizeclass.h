/*
 * sizeclass.h -- the ladder of block sizes, and how slabs are cut.
 *
 * Above   all of heap, cache and api
 * Lock    none: constants
 * Always  class_size(size_class(n)) >= n; the waste is below 16 bytes up to
 *         256, at most a sixth of the block up to 2 KiB, a ninth above,
 *         and a fifth in the four classes that begin with 20 KiB
 *
 *	class	  1 .. 16	16 .. 256	steps of 16 bytes	slab
 *	class	 17 .. 34	288 .. 2 KiB	parts of pages		slab
 *	class	 35 .. 58	2,304 .. 16 KiB	8 per doubling		slab
 *	class	 59 .. 62	20 .. 32 KiB	steps of 4 KiB		page run
 *	class	 63 .. 102	36 KiB .. 1 MiB	8 per doubling		page run
 *	class	103		any pages	exact			page run
 *
 * Between 256 bytes and 2 KiB the sizes are those of which a whole number just
 * fits one, two or four pages, and slots do not reach over such a group of
 * pages. A page can go back to the kernel when none of its slots is used; a
 * slot that lies on two pages keeps both. Slots of 1,360 bytes, three to a
 * page, leave a page to chance in three lives, slots of 1,280 bytes one after
 * the other in four and a quarter. Of 1 GiB of random sizes from 16 to 2,048
 * bytes, a random 95 % of it freed, 3.73 times the live bytes stay resident by
 * arithmetic, with eight even steps per doubling 4.04 times; the mean waste of
 * a block is 6 % instead of 5 %.
 *
 * Steps are small, for with Native Memory Tracking HotSpot adds 18 bytes to
 * each request, so that its powers of two would spill into a block a quarter
 * larger.
 */
#ifndef TRI_HEAP_SIZECLASS_H
#define TRI_HEAP_SIZECLASS_H

#include "../base/base.h"

/* Class 0 stands for "no block of ours" in the page map. */
#define CLASS_NONE      0u
#define CLASS_SLAB_MAX  58u
#define CLASS_LARGE_MAX 102u

/* A page run that is of no class: never cached by threads. */
#define CLASS_RUN 103u

/*
 * In the page map alone: a slot of an arena apart (arena.h). Its class is in
 * the slab's record, and no cache's bin of this offset takes it.
 */
#define CLASS_APART 104u
#define NCLASSES    105u

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

/* Classes up to 256 bytes, and up to 2 KiB: what the others count from. */
#define CLASS_256   16u
#define CLASS_2048  34u
#define CLASS_32768 62u

/* For requests from 257 to 2,048 bytes, in steps of 16: class - CLASS_256. */
extern const uint8_t class_steps[(2048 - 256) / QUANTUM_BYTES];

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
	if (n <= 2048)
		return CLASS_256 + class_steps[(n - 257) / QUANTUM_BYTES];
	e = log2_floor(n - 1);
	if (n <= SLAB_SIZE_MAX)
		return CLASS_2048 + (e - 11) * 8 + class_eighth(n, e);
	if (n <= 32 * KIB)
		return CLASS_SLAB_MAX +
		       (unsigned)((n - SLAB_SIZE_MAX + 4095) / 4096);
	return CLASS_32768 + (e - 15) * 8 + class_eighth(n, e);
}

/*
 * ceil(2^32 / d). For offsets below 2^16 and d of at most 2^15:
 * (uint32_t)(offset * magic) < magic exactly where d divides the offset, and
 * offset * magic >> 32 is the quotient (D. Lemire, O. Kaser, N. Kurz, "Faster
 * Remainder by Direct Computation", 2019; tested for every pair).
 */
#define DIVIDE_MAGIC(d) ((uint32_t)(UINT32_MAX / (d) + 1))

/*
 * How a slab of a class is cut: into groups of `per_group` slots one after the
 * other, a group beginning at each multiple of mask + 1 bytes. With `mask` and
 * `magic` an address is known as a slot's first byte: mask it, multiply. Page
 * runs begin at pages; the class of none has zeros, which fit no address.
 */
struct class_shape {
	uint32_t magic;       /* of the size, see DIVIDE_MAGIC */
	uint32_t group_magic; /* of per_group */
	uint16_t mask;
	uint16_t per_group;
	uint16_t gap;   /* bytes behind a group's last slot */
	uint16_t shift; /* log2(mask + 1) */
};

extern const struct class_shape class_shapes[NCLASSES];

/* Slots of a slab, which has 2^16 bytes. */
ALWAYS_INLINE size_t
class_nslots(unsigned cls)
{
	return (size_t)class_shapes[cls].per_group
	       << (16 - class_shapes[cls].shift);
}

/* Where slot `index` of a slab begins. */
ALWAYS_INLINE size_t
class_slot_offset(unsigned cls, size_t index)
{
	const struct class_shape *s = &class_shapes[cls];
	uint64_t group = (uint64_t)index * s->group_magic >> 32;

	return index * class_size(cls) + (size_t)group * s->gap;
}

/* The pages of a slab, from its first on, that hold a slot. */
ALWAYS_INLINE size_t
class_slab_npages(unsigned cls)
{
	size_t end = class_slot_offset(cls, class_nslots(cls) - 1) +
		     class_size(cls);

	return (end + PAGE_BYTES - 1) >> PAGE_SHIFT;
}

/*
 * The least class for a slab or cached run whose blocks are `size` bytes at
 * least and lie at multiples of `alignment`; CLASS_RUN where there is none.
 */
unsigned size_class_aligned(size_t size, size_t alignment);

#endif

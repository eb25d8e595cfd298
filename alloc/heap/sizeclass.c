/*
 * sizeclass.c -- see sizeclass.h.
 */
#include "sizeclass.h"
#include "../pages/region.h"

#define EIGHTHS(b)                                                           \
	(b) / 8 * 9, (b) / 8 * 10, (b) / 8 * 11, (b) / 8 * 12, (b) / 8 * 13, \
		(b) / 8 * 14, (b) / 8 * 15, (b)*2

/* clang-format off */
const uint32_t class_sizes[NCLASSES] = {
	0,
	16, 32, 48, 64, 80, 96, 112, 128,
	144, 160, 176, 192, 208, 224, 240, 256,
	EIGHTHS(256), EIGHTHS(512), EIGHTHS(1024), EIGHTHS(2048),
	EIGHTHS(4096), EIGHTHS(8192),
	20480, 24576, 28672, 32768,
	EIGHTHS(32768), EIGHTHS(65536), EIGHTHS(131072), EIGHTHS(262144),
	EIGHTHS(524288),
	0,
};
/* clang-format on */

unsigned
size_class_aligned(size_t size, size_t alignment)
{
	unsigned cls;

	if (alignment > SLAB_BYTES || align_up(size, alignment) < size ||
	    align_up(size, alignment) > CLASS_SIZE_MAX)
		return CLASS_RUN;
	for (cls = size_class(align_up(size, alignment)); cls <= CLASS_SLAB_MAX;
	     cls++) {
		/* Slabs lie at multiples of 64 KiB. */
		if ((class_size(cls) & (alignment - 1)) == 0)
			return cls;
	}
	/* A cached run may begin at any page. */
	return alignment <= PAGE_BYTES ? cls : CLASS_RUN;
}

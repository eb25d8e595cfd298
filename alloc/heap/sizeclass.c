/*
 * sizeclass.c -- see sizeclass.h.
 */
#include "sizeclass.h"
#include "../pages/region.h"

/* clang-format off */
/*
 * Every class by its size: X(size) for slabs, R(size) for page runs. The tables
 * below are made of it.
 */
#define EIGHTHS(X, b) \
	X((b) / 8 * 9) X((b) / 8 * 10) X((b) / 8 * 11) X((b) / 8 * 12) \
	X((b) / 8 * 13) X((b) / 8 * 14) X((b) / 8 * 15) X((b) * 2)
#define CLASSES(X, R) \
	X(16) X(32) X(48) X(64) X(80) X(96) X(112) X(128) \
	X(144) X(160) X(176) X(192) X(208) X(224) X(240) X(256) \
	X(288) X(336) X(400) X(448) X(512) X(576) X(672) X(736) X(816) \
	X(896) X(1024) X(1088) X(1168) X(1360) X(1488) X(1632) X(1808) \
	X(2048) EIGHTHS(X, 2048) EIGHTHS(X, 4096) EIGHTHS(X, 8192) \
	R(20480) R(24576) R(28672) R(32768) \
	EIGHTHS(R, 32768) EIGHTHS(R, 65536) EIGHTHS(R, 131072) \
	EIGHTHS(R, 262144) EIGHTHS(R, 524288)

#define SIZE(d) (d),
const uint32_t class_sizes[NCLASSES] = { 0, CLASSES(SIZE, SIZE) 0 };

/* The least group of pages of which at most a thirty-second is left over. */
#define FITS(g, d) ((size_t)(g) % (d) * 32 <= (size_t)(g))
#define GROUP(d) \
	(FITS(4096, d) ? 4096u : FITS(8192, d) ? 8192u : \
	 FITS(16384, d) ? 16384u : FITS(32768, d) ? 32768u : 65536u)
#define SLAB_SHAPE(d) { \
	DIVIDE_MAGIC(d), DIVIDE_MAGIC(GROUP(d) / (d)), \
	(uint16_t)(GROUP(d) - 1), (uint16_t)(GROUP(d) / (d)), \
	(uint16_t)(GROUP(d) % (d)), (uint16_t)__builtin_ctz(GROUP(d)) },
#define RUN_SHAPE(d) { \
	DIVIDE_MAGIC(PAGE_BYTES), 0, PAGE_BYTES - 1, 0, 0, PAGE_SHIFT },
const struct class_shape class_shapes[NCLASSES] = {
	{ 0, 0, 0, 0, 0, 0 }, CLASSES(SLAB_SHAPE, RUN_SHAPE) RUN_SHAPE(0)
};

/* Requests from `from` + 1 to `to` get the class of `to` bytes. */
#define STEP(step, from, to) \
	[(from) / 16 - 16 ... (to) / 16 - 17] = (step),
const uint8_t class_steps[(2048 - 256) / QUANTUM_BYTES] = {
	STEP(1, 256, 288) STEP(2, 288, 336) STEP(3, 336, 400)
	STEP(4, 400, 448) STEP(5, 448, 512) STEP(6, 512, 576)
	STEP(7, 576, 672) STEP(8, 672, 736) STEP(9, 736, 816)
	STEP(10, 816, 896) STEP(11, 896, 1024) STEP(12, 1024, 1088)
	STEP(13, 1088, 1168) STEP(14, 1168, 1360) STEP(15, 1360, 1488)
	STEP(16, 1488, 1632) STEP(17, 1632, 1808) STEP(18, 1808, 2048)
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
		/* Slabs lie at multiples of 64 KiB; a size that is a multiple
		 * of a power of two fits groups of at least as many bytes. */
		if ((class_size(cls) & (alignment - 1)) == 0)
			return cls;
	}
	/* A cached run may begin at any page. */
	return alignment <= PAGE_BYTES ? cls : CLASS_RUN;
}

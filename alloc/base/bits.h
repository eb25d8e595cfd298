/*
 * bits.h -- bitmaps of whole 64-bit words, as pure functions.
 *
 * Above   pages/chunk (512 pages), heap/slab (up to 4,096 slots), the pool
 * Lock    whoever owns the words
 * Always  ranges are [from, from + n) and lie inside the bitmap
 */
#ifndef TRI_BASE_BITS_H
#define TRI_BASE_BITS_H

#include "base.h"

#define BITS_WORD 64u

ALWAYS_INLINE size_t
bits_nwords(size_t nbits)
{
	return (nbits + BITS_WORD - 1) / BITS_WORD;
}

/* The mask of n ones from bit `from` of one word; from + n <= 64, n > 0. */
ALWAYS_INLINE uint64_t
bits_mask(unsigned from, unsigned n)
{
	return (~UINT64_C(0) >> (BITS_WORD - n)) << from;
}

ALWAYS_INLINE bool
bits_test(const uint64_t *w, size_t i)
{
	return (w[i / BITS_WORD] >> (i % BITS_WORD)) & 1;
}

ALWAYS_INLINE void
bits_set(uint64_t *w, size_t i)
{
	w[i / BITS_WORD] |= UINT64_C(1) << (i % BITS_WORD);
}

ALWAYS_INLINE void
bits_clear(uint64_t *w, size_t i)
{
	w[i / BITS_WORD] &= ~(UINT64_C(1) << (i % BITS_WORD));
}

/*
 * Ones in a word, without a call into the compiler's library where the CPU's
 * instruction may not be used (H. Warren, "Hacker's Delight", 5-1).
 */
ALWAYS_INLINE unsigned
bits_popcount(uint64_t x)
{
	x -= (x >> 1) & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) +
	    ((x >> 2) & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

void bits_set_range(uint64_t *w, size_t from, size_t n);
void bits_clear_range(uint64_t *w, size_t from, size_t n);
size_t bits_count_range(const uint64_t *w, size_t from, size_t n);

/* The first set (clear) bit at or after `from`, or nbits. */
size_t bits_find_set(const uint64_t *w, size_t nbits, size_t from);
size_t bits_find_clear(const uint64_t *w, size_t nbits, size_t from);

/* One past the last set bit before `end`, or 0. */
size_t bits_find_set_before(const uint64_t *w, size_t end);

/*
 * The next run of clear bits at or after `from`: its first bit in *start and
 * its length as the result; 0 where there is none.
 */
size_t bits_next_clear_run(const uint64_t *w, size_t nbits, size_t from,
			   size_t *start);

/* The same for set bits. */
size_t bits_next_set_run(const uint64_t *w, size_t nbits, size_t from,
			 size_t *start);

#endif

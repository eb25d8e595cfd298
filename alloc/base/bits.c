/*
 * bits.c -- see bits.h.
 */
#include "bits.h"

/* How many bits of [from, from + n) lie in from's own word. */
static unsigned
bits_step(size_t from, size_t n)
{
	return (unsigned)min_size(n, BITS_WORD - from % BITS_WORD);
}

void
bits_set_range(uint64_t *w, size_t from, size_t n)
{
	while (n > 0) {
		unsigned k = bits_step(from, n);

		w[from / BITS_WORD] |= bits_mask(from % BITS_WORD, k);
		from += k;
		n -= k;
	}
}

void
bits_clear_range(uint64_t *w, size_t from, size_t n)
{
	while (n > 0) {
		unsigned k = bits_step(from, n);

		w[from / BITS_WORD] &= ~bits_mask(from % BITS_WORD, k);
		from += k;
		n -= k;
	}
}

size_t
bits_count_range(const uint64_t *w, size_t from, size_t n)
{
	size_t count = 0;

	while (n > 0) {
		unsigned k = bits_step(from, n);
		uint64_t part = w[from / BITS_WORD] &
				bits_mask(from % BITS_WORD, k);

		count += bits_popcount(part);
		from += k;
		n -= k;
	}
	return count;
}

/* The first bit at or after `from` that differs from `flip`'s bits. */
static size_t
bits_find(const uint64_t *w, size_t nbits, size_t from, uint64_t flip)
{
	while (from < nbits) {
		uint64_t rest = (w[from / BITS_WORD] ^ flip) >>
				(from % BITS_WORD);

		if (rest != 0)
			return min_size(from + (size_t)__builtin_ctzll(rest),
					nbits);
		from = (from / BITS_WORD + 1) * BITS_WORD;
	}
	return nbits;
}

size_t
bits_find_set(const uint64_t *w, size_t nbits, size_t from)
{
	return bits_find(w, nbits, from, 0);
}

size_t
bits_find_clear(const uint64_t *w, size_t nbits, size_t from)
{
	return bits_find(w, nbits, from, ~UINT64_C(0));
}

size_t
bits_find_set_before(const uint64_t *w, size_t end)
{
	while (end > 0) {
		size_t i = (end - 1) / BITS_WORD;
		uint64_t part = w[i] &
				bits_mask(0, (unsigned)(end - i * BITS_WORD));

		if (part != 0)
			return i * BITS_WORD + log2_floor(part) + 1;
		end = i * BITS_WORD;
	}
	return 0;
}

size_t
bits_next_clear_run(const uint64_t *w, size_t nbits, size_t from, size_t *start)
{
	*start = bits_find_clear(w, nbits, from);
	if (*start == nbits)
		return 0;
	return bits_find_set(w, nbits, *start) - *start;
}

size_t
bits_next_set_run(const uint64_t *w, size_t nbits, size_t from, size_t *start)
{
	*start = bits_find_set(w, nbits, from);
	if (*start == nbits)
		return 0;
	return bits_find_clear(w, nbits, *start) - *start;
}

/*
 * fuzz.h -- what the fuzz targets share.
 *
 * Above   tests/fuzz
 * Lock    none; an input is read by one thread
 * Always  every row of bytes is an input: behind its end it reads as zeros;
 *         what a target does depends on the input alone
 *
 * A target is a file with LLVMFuzzerTestOneInput(), which libFuzzer calls, or,
 * where there is none, replay.c.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold and does not ends the process, and the input is kept. */
#include "must.h"

#define FUZZ_UNUSED __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One input; 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

FUZZ_UNUSED static inline unsigned
take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	/* `left` bytes are there, whatever the analyzer has lost sight of. */
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.UndefReturn) */
	return *in->at++;
}

/* A number of so many bytes, the lowest first. */
FUZZ_UNUSED static inline uint64_t
take_number(struct input *in, unsigned nbytes)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < nbytes; i++)
		n |= (uint64_t)take_byte(in) << (8 * i);
	return n;
}

/* Up to `want` bytes, in memory of malloc that ends behind them and a zero. */
FUZZ_UNUSED static inline char *
take_text(struct input *in, size_t want, size_t *len)
{
	size_t n = want < in->left ? want : in->left;
	char *copy = malloc(n + 1);

	must(copy != NULL);
	if (n > 0)
		memcpy(copy, in->at, n);
	copy[n] = '\0';
	in->at += n;
	in->left -= n;
	if (len != NULL)
		*len = n;
	return copy;
}

/* The same up to a byte, which is taken and belongs to nobody, or to the end. */
FUZZ_UNUSED static inline char *
take_until(struct input *in, char stop, size_t *len)
{
	const uint8_t *end = in->left > 0 ? memchr(in->at, (unsigned char)stop,
						   in->left)
					  : NULL;
	char *copy = take_text(
		in, end != NULL ? (size_t)(end - in->at) : in->left, len);

	take_byte(in);
	return copy;
}

#endif

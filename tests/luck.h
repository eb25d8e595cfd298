/*
 * luck.h -- random numbers that can be repeated.
 *
 * Above   unit.h
 * Lock    none; each thread has a state of its own
 */
#ifndef TESTS_LUCK_H
#define TESTS_LUCK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

/* The seed: TRI_SEED, or the clock; said on stderr, which the log keeps. */
MAYBE_UNUSED static uint64_t
random_seed(void)
{
	const char *given = getenv("TRI_SEED");
	uint64_t seed = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();

	if (given != NULL)
		seed = strtoull(given, NULL, 0);
	fprintf(stderr, "# TRI_SEED=%llu repeats this run\n",
		(unsigned long long)seed);
	return seed;
}

/* S. Vigna, "Further scramblings of Marsaglia's xorshift generators". */
MAYBE_UNUSED static uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state | 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

/* A number below n, which is below 2^32. */
MAYBE_UNUSED static size_t
random_below(uint64_t *state, size_t n)
{
	return (size_t)(((random_next(state) >> 32) * n) >> 32);
}

#endif

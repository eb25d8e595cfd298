/*
 * pair.c -- what do malloc and free cost when nothing else goes on?
 *
 * An iteration is one malloc, the touch and one free of the same block.
 */
#include "bench.h"

static void *
pair_setup(const struct bench *b)
{
	return (void *)(uintptr_t)b;
}

static void
pair_run(void *state, uint64_t iterations)
{
	const struct bench *b = state;
	size_t size = b->size;

	while (iterations--) {
		void *block = malloc(size);

		bench_touch(block, size);
		free(block);
	}
}

static void
pair_teardown(void *state)
{
	(void)state;
}

#define PAIR(name_, size_, iterations_, group_)                                \
	{                                                                      \
		.name = name_, .clock = BENCH_CPU, .group = group_,            \
		.iterations = iterations_, .size = size_, .setup = pair_setup, \
		.run = pair_run, .teardown = pair_teardown                     \
	}

static const struct bench pairs[] = {
	PAIR("pair/16", 16, 6000000, BENCH_GENERAL),
	PAIR("pair/64", 64, 6000000, BENCH_GENERAL),
	PAIR("pair/256", 256, 6000000, BENCH_GENERAL),
	PAIR("pair/1K", KIB, 6000000, BENCH_GENERAL),
	PAIR("pair/4K", 4 * KIB, 3000000, BENCH_GENERAL),
	PAIR("pair/32K", 32 * KIB, 1500000, BENCH_GENERAL),
	PAIR("large/pair_256K", 256 * KIB, 20000, BENCH_LARGE),
	PAIR("large/pair_2M", 2 * MIB, 8000, BENCH_LARGE),
};

BENCH_REGISTER(pairs);

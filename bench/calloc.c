/*
 * calloc.c -- what does zeroed memory cost, and is memory zeroed that the
 * kernel has zeroed already?
 *
 * An iteration allocates `count` blocks with calloc, touches each, and frees
 * them. Blocks come back used, so an allocator has to clear them again or to
 * give their pages back.
 */
#include "bench.h"

struct zeroed {
	const struct bench *b;
	void *blocks[];
};

static size_t
zeroed_bytes(const struct bench *b)
{
	return sizeof(struct zeroed) + b->count * sizeof(void *);
}

static void *
zeroed_setup(const struct bench *b)
{
	struct zeroed *z = bench_map(zeroed_bytes(b));

	z->b = b;
	return z;
}

static void
zeroed_run(void *state, uint64_t iterations)
{
	struct zeroed *z = state;
	size_t size = z->b->size, count = z->b->count;

	while (iterations--) {
		for (size_t i = 0; i < count; i++) {
			z->blocks[i] = calloc(1, size);
			bench_touch(z->blocks[i], size);
		}
		for (size_t i = 0; i < count; i++)
			free(z->blocks[i]);
	}
}

static void
zeroed_teardown(void *state)
{
	struct zeroed *z = state;

	bench_unmap(z, zeroed_bytes(z->b));
}

#define CALLOC(name_, size_, count_, iterations_)                             \
	{                                                                     \
		.name = name_, .clock = BENCH_CPU, .iterations = iterations_, \
		.size = size_, .count = count_, .setup = zeroed_setup,        \
		.run = zeroed_run, .teardown = zeroed_teardown                \
	}

static const struct bench callocs[] = {
	CALLOC("calloc/64", 64, 32, 80000),
	CALLOC("calloc/1K", KIB, 32, 60000),
	CALLOC("calloc/16K", 16 * KIB, 16, 6000),
	CALLOC("calloc/1M", MIB, 4, 150),
};

BENCH_REGISTER(callocs);

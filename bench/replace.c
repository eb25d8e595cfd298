/*
 * replace.c -- what does a program pay that keeps a set of blocks and replaces
 * one at random all the time?
 *
 * An iteration frees one of `count` blocks and allocates a new one in its
 * place. The set is filled before the clock starts. Sizes are uniform in their
 * logarithm between the two bounds of the row.
 */
#include "bench.h"

struct replace {
	const struct bench *b;
	struct bench_random random;
	uint32_t *sizes;
	void **blocks;
};

static void
replace_one(struct replace *r, uint32_t slot, uint32_t size)
{
	free(r->blocks[slot]);
	r->blocks[slot] = malloc(size);
	bench_touch(r->blocks[slot], size);
}

static void *
replace_setup(const struct bench *b)
{
	struct replace *r = bench_map(sizeof(*r));

	r->b = b;
	r->random = bench_random_init(2);
	r->sizes = bench_sizes_map(b->size, b->size_max, 3);
	r->blocks = bench_map(b->count * sizeof(*r->blocks));
	for (uint32_t i = 0; i < b->count; i++)
		replace_one(r, i, r->sizes[i & (BENCH_NSIZES - 1)]);
	return r;
}

static void
replace_run(void *state, uint64_t iterations)
{
	struct replace *r = state;
	uint32_t count = (uint32_t)r->b->count;

	for (uint64_t i = 0; i < iterations; i++)
		replace_one(r, bench_random_below(&r->random, count),
			    r->sizes[i & (BENCH_NSIZES - 1)]);
}

static void
replace_teardown(void *state)
{
	struct replace *r = state;
	size_t count = r->b->count;

	for (size_t i = 0; i < count; i++)
		free(r->blocks[i]);
	bench_unmap(r->blocks, count * sizeof(*r->blocks));
	bench_sizes_unmap(r->sizes);
	bench_unmap(r, sizeof(*r));
}

#define REPLACE(name_, min_, max_, count_, iterations_)                       \
	{                                                                     \
		.name = name_, .clock = BENCH_CPU, .iterations = iterations_, \
		.size = min_, .size_max = max_, .count = count_,              \
		.setup = replace_setup, .run = replace_run,                   \
		.teardown = replace_teardown                                  \
	}

static const struct bench replaces[] = {
	REPLACE("replace/64", 64, 64, 10000, 3000000),
	REPLACE("replace/64_far", 64, 64, 300000, 800000),
	REPLACE("replace/16_to_1K", 16, KIB, 20000, 2000000),
	REPLACE("replace/16_to_8K", 16, 8 * KIB, 20000, 1000000),
	REPLACE("replace/1K_to_32K", KIB, 32 * KIB, 4000, 600000),
};

BENCH_REGISTER(replaces);

/*
 * aligned.c -- what does an alignment beyond 16 bytes cost, in time and in
 * memory?
 *
 * An iteration allocates `count` blocks with posix_memalign, touches each, and
 * frees them. Row `mixed` takes all alignments from 32 bytes to 4 KiB in turn.
 */
#include "bench.h"

struct aligned {
	const struct bench *b;
	unsigned int nalignments; /* from b->size_max downwards, by halves */
	void *blocks[];
};

enum { SMALLEST_MIXED = 32 };

static size_t
aligned_bytes(const struct bench *b)
{
	return sizeof(struct aligned) + b->count * sizeof(void *);
}

static void *
aligned_setup(const struct bench *b)
{
	struct aligned *a = bench_map(aligned_bytes(b));

	a->b = b;
	a->nalignments = 1;
	return a;
}

static void *
mixed_setup(const struct bench *b)
{
	struct aligned *a = aligned_setup(b);

	for (size_t by = b->size_max; by > SMALLEST_MIXED; by /= 2)
		a->nalignments++;
	return a;
}

static void
aligned_run(void *state, uint64_t iterations)
{
	struct aligned *a = state;
	size_t size = a->b->size, count = a->b->count;
	unsigned int halvings = 0;

	while (iterations--) {
		for (size_t i = 0; i < count; i++) {
			size_t alignment = a->b->size_max >> halvings;

			if (posix_memalign(&a->blocks[i], alignment, size))
				bench_die("posix_memalign failed");
			bench_touch(a->blocks[i], size);
			halvings = (halvings + 1) % a->nalignments;
		}
		for (size_t i = 0; i < count; i++)
			free(a->blocks[i]);
	}
}

static void
aligned_teardown(void *state)
{
	struct aligned *a = state;

	bench_unmap(a, aligned_bytes(a->b));
}

#define ALIGNED(name_, setup_, alignment_, size_, iterations_)                \
	{                                                                     \
		.name = name_, .clock = BENCH_CPU, .iterations = iterations_, \
		.size = size_, .size_max = alignment_, .count = 200,          \
		.setup = setup_, .run = aligned_run,                          \
		.teardown = aligned_teardown                                  \
	}

static const struct bench aligneds[] = {
	ALIGNED("aligned/64_of_192", aligned_setup, 64, 192, 9000),
	ALIGNED("aligned/4K_of_4K", aligned_setup, 4 * KIB, 4 * KIB, 700),
	ALIGNED("aligned/mixed_of_300", mixed_setup, 4 * KIB, 300, 6000),
};

BENCH_REGISTER(aligneds);

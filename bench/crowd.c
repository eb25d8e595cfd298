/*
 * crowd.c -- what do 400 threads on a few CPUs cost, each with blocks of its
 * own?
 *
 * Every thread replaces random blocks of its own set of `count`, and yields
 * the CPU every BURST blocks, so that all of them are under way all the time.
 * An iteration is one replaced block. The threads exist before the clock
 * starts; their sets are filled by the warm-up.
 */
#include "bench.h"

#include <sched.h>

enum { BURST = 100 };

struct crowd_thread {
	struct bench_random random;
	void **blocks;
};

struct crowd {
	const struct bench *b;
	uint32_t *sizes;
	struct bench_team *team;
	struct crowd_thread *threads;
	void **blocks; /* of all threads */
};

static void
crowd_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct crowd *c = arg;
	struct crowd_thread *t = &c->threads[index];

	for (uint64_t i = 1; i <= iterations; i++) {
		uint32_t slot = bench_random_below(&t->random,
						   (uint32_t)c->b->count);
		size_t size = c->sizes[bench_random_next(&t->random) &
				       (BENCH_NSIZES - 1)];

		free(t->blocks[slot]);
		t->blocks[slot] = malloc(size);
		bench_touch(t->blocks[slot], size);
		if (i % BURST == 0)
			sched_yield();
	}
}

static void *
crowd_setup(const struct bench *b)
{
	struct crowd *c = bench_map(sizeof(*c));

	c->b = b;
	c->sizes = bench_sizes_map(b->size, b->size_max, 9);
	c->threads = bench_map(b->nthreads * sizeof(*c->threads));
	c->blocks = bench_map(b->nthreads * b->count * sizeof(*c->blocks));
	for (unsigned int i = 0; i < b->nthreads; i++) {
		c->threads[i].random = bench_random_init(i);
		c->threads[i].blocks = &c->blocks[i * b->count];
	}
	c->team = bench_team_start(b->nthreads, crowd_work, c);
	return c;
}

static void
crowd_run(void *state, uint64_t iterations)
{
	struct crowd *c = state;

	bench_team_run(c->team, iterations);
}

static void
crowd_teardown(void *state)
{
	struct crowd *c = state;
	size_t nblocks = c->b->nthreads * c->b->count;

	bench_team_stop(c->team);
	for (size_t i = 0; i < nblocks; i++)
		free(c->blocks[i]);
	bench_unmap(c->blocks, nblocks * sizeof(*c->blocks));
	bench_unmap(c->threads, c->b->nthreads * sizeof(*c->threads));
	bench_sizes_unmap(c->sizes);
	bench_unmap(c, sizeof(*c));
}

#define CROWD(name_, min_, max_, count_, iterations_)                      \
	{                                                                  \
		.name = name_, .clock = BENCH_WALL, .group = BENCH_CROWD,  \
		.iterations = iterations_, .size = min_, .size_max = max_, \
		.count = count_, .nthreads = 400, .setup = crowd_setup,    \
		.run = crowd_run, .teardown = crowd_teardown               \
	}

static const struct bench crowds[] = {
	CROWD("crowd/64", 64, 64, 100, 2000000),
	CROWD("crowd/16_to_4K", 16, 4 * KIB, 100, 1000000),
};

BENCH_REGISTER(crowds);

/*
 * birth.c -- what does a thread's birth and death cost, with the allocator's
 * cache that comes and goes with it?
 *
 * An iteration is one thread: created, allocates `count` blocks, frees every
 * second one, ends and is joined; the parent frees the others. So half of the
 * blocks go home to a thread that is gone.
 */
#include "bench.h"

#include <pthread.h>

struct birth {
	const struct bench *b;
	uint32_t *sizes;
	void **blocks;
};

static void *
child(void *arg)
{
	struct birth *birth = arg;
	size_t count = birth->b->count;

	for (size_t i = 0; i < count; i++) {
		size_t size = birth->sizes[i & (BENCH_NSIZES - 1)];

		birth->blocks[i] = malloc(size);
		bench_touch(birth->blocks[i], size);
	}
	for (size_t i = 0; i < count; i += 2)
		free(birth->blocks[i]);
	return NULL;
}

static void
birth_run(void *state, uint64_t iterations)
{
	struct birth *birth = state;
	pthread_t thread;

	while (iterations--) {
		if (pthread_create(&thread, NULL, child, birth))
			bench_die("a thread could not be started");
		pthread_join(thread, NULL);
		for (size_t i = 1; i < birth->b->count; i += 2)
			free(birth->blocks[i]);
	}
}

static void *
birth_setup(const struct bench *b)
{
	struct birth *birth = bench_map(sizeof(*birth));

	birth->b = b;
	birth->sizes = bench_sizes_map(b->size, b->size_max, 6);
	birth->blocks = bench_map(b->count * sizeof(*birth->blocks));
	return birth;
}

static void
birth_teardown(void *state)
{
	struct birth *birth = state;

	bench_unmap(birth->blocks, birth->b->count * sizeof(*birth->blocks));
	bench_sizes_unmap(birth->sizes);
	bench_unmap(birth, sizeof(*birth));
}

#define BIRTH(name_, count_, iterations_)                                      \
	{                                                                      \
		.name = name_, .clock = BENCH_WALL, .iterations = iterations_, \
		.size = 16, .size_max = KIB, .count = count_,                  \
		.setup = birth_setup, .run = birth_run,                        \
		.teardown = birth_teardown                                     \
	}

static const struct bench births[] = {
	BIRTH("birth/1", 1, 3000),
	BIRTH("birth/200", 200, 2000),
};

BENCH_REGISTER(births);

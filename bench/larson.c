/*
 * larson.c -- what does a server pay whose threads come and go, and whose
 * blocks outlive the thread that allocated them?
 *
 * After the idea of P.-A. Larson and M. Krishnan, "Memory allocation for
 * long-running server applications" (1998). Each of `nthreads` tables of
 * `count` blocks is handed from thread to thread: a thread replaces GENERATION
 * random blocks of its table and ends, and its successor goes on with the
 * table. An iteration is one replaced block; the births and deaths of the
 * threads are in the figure.
 */
#include "bench.h"

#include <pthread.h>

enum { GENERATION = 20000 };

struct table {
	struct larson *larson;
	struct bench_random random;
	uint64_t nleft; /* replacements until the table's last thread ends */
	void **blocks;
};

struct larson {
	const struct bench *b;
	uint32_t *sizes;
	struct table *tables;
};

static void
table_replace(struct table *t, uint32_t slot)
{
	uint32_t size = t->larson->sizes[bench_random_next(&t->random) &
					 (BENCH_NSIZES - 1)];

	free(t->blocks[slot]);
	t->blocks[slot] = malloc(size);
	bench_touch(t->blocks[slot], size);
}

static void *
table_generation(void *arg)
{
	struct table *t = arg;
	uint32_t count = (uint32_t)t->larson->b->count;
	uint64_t n = t->nleft < GENERATION ? t->nleft : GENERATION;

	for (uint64_t i = 0; i < n; i++)
		table_replace(t, bench_random_below(&t->random, count));
	t->nleft -= n;
	return NULL;
}

static void
generation_run(struct larson *larson, pthread_t *threads)
{
	unsigned int nthreads = larson->b->nthreads;

	for (unsigned int i = 0; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, table_generation,
				   &larson->tables[i]))
			bench_die("a thread could not be started");
	for (unsigned int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
}

static void
larson_run(void *state, uint64_t iterations)
{
	struct larson *larson = state;
	unsigned int nthreads = larson->b->nthreads;
	pthread_t threads[64];

	for (unsigned int i = 0; i < nthreads; i++)
		larson->tables[i].nleft = iterations / nthreads;
	do
		generation_run(larson, threads);
	while (larson->tables[0].nleft > 0);
}

static void *
larson_setup(const struct bench *b)
{
	struct larson *larson = bench_map(sizeof(*larson));

	larson->b = b;
	larson->sizes = bench_sizes_map(b->size, b->size_max, 5);
	larson->tables = bench_map(b->nthreads * sizeof(*larson->tables));
	for (unsigned int i = 0; i < b->nthreads; i++) {
		struct table *t = &larson->tables[i];

		t->larson = larson;
		t->random = bench_random_init(i);
		t->blocks = bench_map(b->count * sizeof(*t->blocks));
		for (uint32_t slot = 0; slot < b->count; slot++)
			table_replace(t, slot);
	}
	return larson;
}

static void
larson_teardown(void *state)
{
	struct larson *larson = state;
	const struct bench *b = larson->b;

	for (unsigned int i = 0; i < b->nthreads; i++) {
		struct table *t = &larson->tables[i];

		for (size_t slot = 0; slot < b->count; slot++)
			free(t->blocks[slot]);
		bench_unmap(t->blocks, b->count * sizeof(*t->blocks));
	}
	bench_unmap(larson->tables, b->nthreads * sizeof(*larson->tables));
	bench_sizes_unmap(larson->sizes);
	bench_unmap(larson, sizeof(*larson));
}

#define LARSON(name_, min_, max_, count_, nthreads_, iterations_)              \
	{                                                                      \
		.name = name_, .clock = BENCH_WALL, .iterations = iterations_, \
		.size = min_, .size_max = max_, .count = count_,               \
		.nthreads = nthreads_, .setup = larson_setup,                  \
		.run = larson_run, .teardown = larson_teardown                 \
	}

static const struct bench larsons[] = {
	LARSON("larson/2", 16, KIB, 1000, 2, 2000000),
	LARSON("larson/16", 16, KIB, 1000, 16, 2000000),
};

BENCH_REGISTER(larsons);

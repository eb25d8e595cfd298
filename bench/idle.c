/*
 * idle.c -- how many bytes does an idle thread keep?
 *
 * `nthreads` threads are started, do the row's work, and wait. What they keep
 * is the resident memory of the process with them, less the resident memory
 * with as many threads that never allocated (their stacks and what the C
 * library needs of its own), per thread: idle_bytes. The sums are taken from
 * /proc/self/smaps_rollup, which counts pages; the counters in
 * /proc/self/status are approximate.
 *
 * once   one block of 64 bytes, allocated and freed
 * sizes  one block of each of `count` sizes up to `size_max`, all freed
 * burst  `count` blocks up to `size_max`, freed: what a request leaves behind
 *
 * An iteration is one thread, but the time means nothing: look at idle_bytes.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { STACK_BYTES = 64 * KIB, MAX_BLOCKS = 1024 };

struct idle {
	const struct bench *b;
	uint32_t *sizes;
	pthread_t *threads;
	pthread_barrier_t working, leaving;
	int allocates;
	int measured;
	double bytes_per_thread;
};

static void
idle_work(const struct idle *idle)
{
	void *blocks[MAX_BLOCKS];
	size_t count = idle->b->count;

	for (size_t i = 0; i < count; i++) {
		size_t size = idle->sizes[i & (BENCH_NSIZES - 1)];

		blocks[i] = malloc(size);
		bench_touch(blocks[i], size);
	}
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
}

/* Makes more stack resident than idle_work() and an allocator need. */
static __attribute__((noinline)) void
touch_stack(void)
{
	char stack[3 * MAX_BLOCKS * sizeof(void *)];

	memset(stack, 1, sizeof(stack));
	bench_keep(stack);
}

static void *
idle_thread(void *arg)
{
	struct idle *idle = arg;

	/* So that both kinds of threads have the same stack. */
	touch_stack();
	if (idle->allocates)
		idle_work(idle);
	pthread_barrier_wait(&idle->working);
	pthread_barrier_wait(&idle->leaving);
	return NULL;
}

static double
resident_bytes(void)
{
	char line[256];
	double kib = 0;
	FILE *rollup = fopen("/proc/self/smaps_rollup", "re");

	if (!rollup)
		bench_die("/proc/self/smaps_rollup cannot be read");
	while (fgets(line, sizeof(line), rollup))
		if (strncmp(line, "Rss:", 4) == 0)
			kib = atof(line + 4);
	fclose(rollup);
	return kib * KIB;
}

/* Resident bytes that `nthreads` waiting threads add. */
static double
added_by_threads(struct idle *idle, unsigned int nthreads, int allocate)
{
	double before = resident_bytes(), with_threads;
	pthread_attr_t attr;

	idle->allocates = allocate;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned int i = 0; i < nthreads; i++)
		if (pthread_create(&idle->threads[i], &attr, idle_thread, idle))
			bench_die("a thread could not be started");
	pthread_barrier_wait(&idle->working);
	with_threads = resident_bytes();
	pthread_barrier_wait(&idle->leaving);
	for (unsigned int i = 0; i < nthreads; i++)
		pthread_join(idle->threads[i], NULL);
	pthread_attr_destroy(&attr);
	return with_threads - before;
}

/*
 * Once only: what the first allocating threads leave behind would serve the
 * next ones. The first of the bare passes leaves the C library's cached stacks
 * behind, which the two passes that count then find alike.
 */
static void
idle_run(void *state, uint64_t iterations)
{
	struct idle *idle = state;
	unsigned int nthreads = idle->b->nthreads;
	double bare, allocating;

	(void)iterations;
	if (idle->measured)
		return;
	idle->measured = 1;
	added_by_threads(idle, nthreads, 0);
	bare = added_by_threads(idle, nthreads, 0);
	allocating = added_by_threads(idle, nthreads, 1);
	idle->bytes_per_thread = (allocating - bare) / nthreads;
}

static void *
idle_setup(const struct bench *b)
{
	struct idle *idle = bench_map(sizeof(*idle));

	idle->b = b;
	idle->sizes = bench_sizes_map(b->size, b->size_max, 10);
	idle->threads = bench_map(b->nthreads * sizeof(*idle->threads));
	pthread_barrier_init(&idle->working, NULL, b->nthreads + 1);
	pthread_barrier_init(&idle->leaving, NULL, b->nthreads + 1);
	return idle;
}

static void
idle_report(void *state, bench_count_fn *count, void *out)
{
	struct idle *idle = state;

	count(out, "idle_bytes", idle->bytes_per_thread);
}

static void
idle_teardown(void *state)
{
	struct idle *idle = state;

	pthread_barrier_destroy(&idle->working);
	pthread_barrier_destroy(&idle->leaving);
	bench_sizes_unmap(idle->sizes);
	bench_unmap(idle->threads, idle->b->nthreads * sizeof(pthread_t));
	bench_unmap(idle, sizeof(*idle));
}

#define IDLE(name_, min_, max_, count_)                                  \
	{                                                                \
		.name = name_, .clock = BENCH_WALL, .group = BENCH_IDLE, \
		.iterations = 1, .size = min_, .size_max = max_,         \
		.count = count_, .nthreads = 200, .setup = idle_setup,   \
		.run = idle_run, .report = idle_report,                  \
		.teardown = idle_teardown                                \
	}

static const struct bench idles[] = {
	IDLE("idle/once", 64, 64, 1),
	IDLE("idle/sizes", 16, 32 * KIB, 30),
	IDLE("idle/burst", 16, 4 * KIB, MAX_BLOCKS),
};

BENCH_REGISTER(idles);

/*
 * large.c -- what do large blocks cost while a load lasts: page faults, locks,
 * and copies, rather than instructions?
 *
 * churn     threads replace blocks of `size` to `size_max` bytes, a few alive
 * deflater  one zlib Deflater after the other: calloc(112), 5,952 bytes and
 *           4 x 65,536, all freed at its end
 * inflater  calloc(112), 7,160 and 32,768 bytes
 * direct    direct buffers: zeroed over their whole length by their user, and
 *           freed by another thread (a Cleaner)
 *
 * An iteration is one block (churn, direct) or one stream. Every page of every
 * block is touched.
 */
#include "bench.h"

#include <pthread.h>
#include <string.h>

enum { MAX_LIVE = 8, NSTREAM_BLOCKS = 5, QUEUE = 64 };

struct large_thread {
	struct bench_random random;
	void *live[MAX_LIVE];
};

struct large {
	const struct bench *b;
	uint32_t *sizes;
	struct bench_team *team;
	struct large_thread *threads;
};

/* The blocks of a stream after its calloc of 112 bytes. */
static const size_t deflater_blocks[] = { 5952, 65536, 65536, 65536, 65536 };
static const size_t inflater_blocks[] = { 7160, 32768 };

static void
churn_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct large *l = arg;
	struct large_thread *t = &l->threads[index];

	for (uint64_t i = 0; i < iterations; i++) {
		uint32_t slot = bench_random_below(&t->random,
						   (uint32_t)l->b->count);
		size_t size = l->sizes[bench_random_next(&t->random) &
				       (BENCH_NSIZES - 1)];

		free(t->live[slot]);
		t->live[slot] = malloc(size);
		bench_touch(t->live[slot], size);
	}
}

static void
stream(const size_t *sizes, unsigned int nblocks)
{
	void *blocks[NSTREAM_BLOCKS];
	void *head = calloc(1, 112);

	bench_touch(head, 112);
	for (unsigned int i = 0; i < nblocks; i++) {
		blocks[i] = malloc(sizes[i]);
		bench_touch(blocks[i], sizes[i]);
	}
	for (unsigned int i = nblocks; i > 0; i--)
		free(blocks[i - 1]);
	free(head);
}

static void
deflater_work(void *arg, unsigned int index, uint64_t iterations)
{
	(void)arg, (void)index;
	while (iterations--)
		stream(deflater_blocks, 5);
}

static void
inflater_work(void *arg, unsigned int index, uint64_t iterations)
{
	(void)arg, (void)index;
	while (iterations--)
		stream(inflater_blocks, 2);
}

static struct large *
large_make(const struct bench *b, bench_work_fn *work)
{
	struct large *l = bench_map(sizeof(*l));

	l->b = b;
	l->threads = bench_map(b->nthreads * sizeof(*l->threads));
	for (unsigned int i = 0; i < b->nthreads; i++)
		l->threads[i].random = bench_random_init(i);
	if (b->size)
		l->sizes = bench_sizes_map(b->size, b->size_max, 7);
	l->team = bench_team_start(b->nthreads, work, l);
	return l;
}

static void *
churn_setup(const struct bench *b)
{
	return large_make(b, churn_work);
}

static void *
deflater_setup(const struct bench *b)
{
	return large_make(b, deflater_work);
}

static void *
inflater_setup(const struct bench *b)
{
	return large_make(b, inflater_work);
}

static void
large_run(void *state, uint64_t iterations)
{
	struct large *l = state;

	bench_team_run(l->team, iterations);
}

static void
large_teardown(void *state)
{
	struct large *l = state;
	const struct bench *b = l->b;

	bench_team_stop(l->team);
	for (unsigned int i = 0; i < b->nthreads; i++)
		for (unsigned int slot = 0; slot < MAX_LIVE; slot++)
			free(l->threads[i].live[slot]);
	if (l->sizes)
		bench_sizes_unmap(l->sizes);
	bench_unmap(l->threads, b->nthreads * sizeof(*l->threads));
	bench_unmap(l, sizeof(*l));
}

/* Direct buffers: the first member of the team allocates, the second frees. */
struct direct {
	struct large large;   /* first: teardown sees a struct large */
	pthread_mutex_t lock; /* guards the queue */
	pthread_cond_t changed;
	void *queue[QUEUE];
	unsigned int nqueued;
};

static void
direct_push(struct direct *d, void *block)
{
	pthread_mutex_lock(&d->lock);
	while (d->nqueued == QUEUE)
		pthread_cond_wait(&d->changed, &d->lock);
	d->queue[d->nqueued++] = block;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* Takes everything that is queued; at least one block. */
static unsigned int
direct_pop_all(struct direct *d, void **blocks)
{
	unsigned int nblocks;

	pthread_mutex_lock(&d->lock);
	while (d->nqueued == 0)
		pthread_cond_wait(&d->changed, &d->lock);
	nblocks = d->nqueued;
	memcpy(blocks, d->queue, nblocks * sizeof(*blocks));
	d->nqueued = 0;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	return nblocks;
}

static void
direct_clean(struct direct *d, uint64_t iterations)
{
	void *blocks[QUEUE];

	while (iterations > 0) {
		unsigned int nblocks = direct_pop_all(d, blocks);

		for (unsigned int i = 0; i < nblocks; i++)
			free(blocks[i]);
		iterations -= nblocks;
	}
}

static void
direct_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct direct *d = arg;
	struct large_thread *t = &d->large.threads[index];

	if (index == 1) {
		direct_clean(d, iterations);
		return;
	}
	for (uint64_t i = 0; i < iterations; i++) {
		size_t size = d->large.sizes[bench_random_next(&t->random) &
					     (BENCH_NSIZES - 1)];
		void *block = malloc(size);

		memset(block, 0, size);
		bench_keep(block);
		direct_push(d, block);
	}
}

static void *
direct_setup(const struct bench *b)
{
	struct direct *d = bench_map(sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	d->large.b = b;
	d->large.threads = bench_map(2 * sizeof(*d->large.threads));
	d->large.threads[0].random = bench_random_init(0);
	d->large.sizes = bench_sizes_map(b->size, b->size_max, 8);
	d->large.team = bench_team_start(2, direct_work, d);
	return d;
}

static void
direct_run(void *state, uint64_t iterations)
{
	struct direct *d = state;

	/* Both members handle every block. */
	bench_team_run(d->large.team, 2 * iterations);
}

static void
direct_teardown(void *state)
{
	struct direct *d = state;

	bench_team_stop(d->large.team);
	bench_sizes_unmap(d->large.sizes);
	bench_unmap(d->large.threads, 2 * sizeof(*d->large.threads));
	bench_unmap(d, sizeof(*d));
}

/* One thread waits for nobody: its row reads the CPU time. */
#define CLOCK(nthreads_) ((nthreads_) == 1 ? BENCH_CPU : BENCH_WALL)

#define CHURN(name_, min_, max_, count_, nthreads_, iterations_)               \
	{                                                                      \
		.name = name_, .clock = CLOCK(nthreads_),                      \
		.group = BENCH_LARGE, .iterations = iterations_, .size = min_, \
		.size_max = max_, .count = count_, .nthreads = nthreads_,      \
		.setup = churn_setup, .run = large_run,                        \
		.teardown = large_teardown                                     \
	}
#define STREAMS(name_, setup_, nthreads_, iterations_)                    \
	{                                                                 \
		.name = name_, .clock = CLOCK(nthreads_),                 \
		.group = BENCH_LARGE, .iterations = iterations_,          \
		.nthreads = nthreads_, .setup = setup_, .run = large_run, \
		.teardown = large_teardown                                \
	}

static const struct bench larges[] = {
	STREAMS("large/deflater", deflater_setup, 1, 7000),
	STREAMS("large/deflater_x200", deflater_setup, 200, 14000),
	STREAMS("large/inflater_x200", inflater_setup, 200, 100000),
	CHURN("large/zstd_x200", 32 * KIB, 256 * KIB, 6, 200, 15000),
	CHURN("large/churn_256K_to_4M", 256 * KIB, 4 * MIB, 4, 1, 1000),
	CHURN("large/churn_256K_to_4M_x200", 256 * KIB, 4 * MIB, 1, 200, 1000),
	{ .name = "large/direct_64K_to_1M",
	  .clock = BENCH_WALL,
	  .group = BENCH_LARGE,
	  .iterations = 1500,
	  .size = 64 * KIB,
	  .size_max = MIB,
	  .nthreads = 2,
	  .setup = direct_setup,
	  .run = direct_run,
	  .teardown = direct_teardown },
};

BENCH_REGISTER(larges);

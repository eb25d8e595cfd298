/*
 * handoff.c -- what do blocks cost that one thread allocates and another one
 * frees, as buffers in a server do?
 *
 * pipe      pairs of a producer and a consumer, a ring of blocks between them
 * exchange  every thread fills a batch, leaves it at a random place of a shared
 *           board, and frees the batch that lay there: nobody ever waits
 *
 * An iteration is one block, allocated and freed.
 */
#include "bench.h"

#include <sched.h>
#include <stdatomic.h>

enum {
	BATCH = 64,
	RING = 16 * BATCH, /* blocks */
	NPLACES = 256,     /* of the board: batches */
	CACHE_LINE = 64,
};

struct ring {
	/* Blocks put and taken so far; each written by one thread only. */
	_Atomic uint64_t nput __attribute__((aligned(CACHE_LINE)));
	_Atomic uint64_t ntaken __attribute__((aligned(CACHE_LINE)));
	void *blocks[RING] __attribute__((aligned(CACHE_LINE)));
};

struct handoff {
	const struct bench *b;
	uint32_t *sizes;
	struct bench_team *team;
	struct ring *rings;
	_Atomic(void **) *board;
	/* A batch per thread and place: an array of BATCH pointers each. */
	void **batches;
	/* The batch each thread fills next, and its random numbers. */
	struct {
		void **spare;
		struct bench_random random;
	} * threads;
};

static void
fill(struct handoff *h, void **blocks, uint64_t at)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		size_t size = h->sizes[(at + i) & (BENCH_NSIZES - 1)];

		blocks[i] = malloc(size);
		bench_touch(blocks[i], size);
	}
}

static void
empty(void **blocks)
{
	for (unsigned int i = 0; i < BATCH; i++)
		free(blocks[i]);
}

static void
produce(struct handoff *h, struct ring *ring, uint64_t nbatches)
{
	while (nbatches--) {
		uint64_t put = atomic_load_explicit(&ring->nput,
						    memory_order_relaxed);

		/* Acquire: pairs with the release in consume(); the places are
		 * free once they were taken. */
		while (put - atomic_load_explicit(&ring->ntaken,
						  memory_order_acquire) ==
		       RING)
			sched_yield();
		fill(h, &ring->blocks[put % RING], put);
		/* Release: pairs with the acquire in consume(). */
		atomic_store_explicit(&ring->nput, put + BATCH,
				      memory_order_release);
	}
}

static void
consume(struct ring *ring, uint64_t nbatches)
{
	while (nbatches--) {
		uint64_t taken = atomic_load_explicit(&ring->ntaken,
						      memory_order_relaxed);

		/* Acquire: pairs with the release in produce(). */
		while (atomic_load_explicit(&ring->nput,
					    memory_order_acquire) == taken)
			sched_yield();
		empty(&ring->blocks[taken % RING]);
		/* Release: pairs with the acquire in produce(). */
		atomic_store_explicit(&ring->ntaken, taken + BATCH,
				      memory_order_release);
	}
}

/* Both threads of a pair get the same share; an iteration has two ends. */
static void
pipe_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct handoff *h = arg;
	struct ring *ring = &h->rings[index / 2];
	uint64_t nbatches = (2 * iterations + BATCH - 1) / BATCH;

	if (index % 2 == 0)
		produce(h, ring, nbatches);
	else
		consume(ring, nbatches);
}

static void
exchange_work(void *arg, unsigned int index, uint64_t iterations)
{
	struct handoff *h = arg;
	struct bench_random random = h->threads[index].random;
	void **batch = h->threads[index].spare;
	uint64_t nbatches = (iterations + BATCH - 1) / BATCH;

	for (uint64_t i = 0; i < nbatches; i++) {
		uint32_t place = bench_random_below(&random, NPLACES);

		fill(h, batch, bench_random_next(&random));
		/* Both: the filled batch goes, another's comes. */
		batch = atomic_exchange_explicit(&h->board[place], batch,
						 memory_order_acq_rel);
		empty(batch);
	}
	h->threads[index].spare = batch;
	h->threads[index].random = random;
}

static struct handoff *
handoff_make(const struct bench *b)
{
	struct handoff *h = bench_map(sizeof(*h));

	h->b = b;
	h->sizes = bench_sizes_map(b->size, b->size_max, 4);
	return h;
}

static void *
pipe_setup(const struct bench *b)
{
	struct handoff *h = handoff_make(b);

	h->rings = bench_map(b->nthreads / 2 * sizeof(*h->rings));
	h->team = bench_team_start(b->nthreads, pipe_work, h);
	return h;
}

/* Every place of the board holds a filled batch from the start. */
static void *
exchange_setup(const struct bench *b)
{
	struct handoff *h = handoff_make(b);
	size_t nbatches = NPLACES + b->nthreads;

	h->board = bench_map(NPLACES * sizeof(*h->board));
	h->batches = bench_map(nbatches * BATCH * sizeof(*h->batches));
	h->threads = bench_map(b->nthreads * sizeof(*h->threads));
	for (unsigned int i = 0; i < NPLACES; i++) {
		void **batch = &h->batches[(size_t)i * BATCH];

		fill(h, batch, (uint64_t)i * BATCH);
		/* Relaxed: the threads are started after this. */
		atomic_store_explicit(&h->board[i], batch,
				      memory_order_relaxed);
	}
	for (unsigned int i = 0; i < b->nthreads; i++) {
		h->threads[i].spare = &h->batches[(NPLACES + i) * BATCH];
		h->threads[i].random = bench_random_init(i);
	}
	h->team = bench_team_start(b->nthreads, exchange_work, h);
	return h;
}

static void
handoff_run(void *state, uint64_t iterations)
{
	struct handoff *h = state;

	bench_team_run(h->team, iterations);
}

static void
handoff_drop(struct handoff *h)
{
	bench_team_stop(h->team);
	bench_sizes_unmap(h->sizes);
	bench_unmap(h, sizeof(*h));
}

static void
pipe_teardown(void *state)
{
	struct handoff *h = state;

	bench_unmap(h->rings, h->b->nthreads / 2 * sizeof(*h->rings));
	handoff_drop(h);
}

static void
exchange_teardown(void *state)
{
	struct handoff *h = state;
	unsigned int nthreads = h->b->nthreads;
	size_t nbatches = NPLACES + nthreads;

	for (unsigned int i = 0; i < NPLACES; i++)
		/* Relaxed: no thread works any more. */
		empty(atomic_load_explicit(&h->board[i], memory_order_relaxed));
	bench_unmap(h->board, NPLACES * sizeof(*h->board));
	bench_unmap(h->batches, nbatches * BATCH * sizeof(*h->batches));
	bench_unmap(h->threads, nthreads * sizeof(*h->threads));
	handoff_drop(h);
}

#define PIPE(name_, min_, max_, nthreads_, iterations_)                        \
	{                                                                      \
		.name = name_, .clock = BENCH_WALL, .iterations = iterations_, \
		.size = min_, .size_max = max_, .nthreads = nthreads_,         \
		.setup = pipe_setup, .run = handoff_run,                       \
		.teardown = pipe_teardown                                      \
	}
#define EXCHANGE(name_, group_, min_, max_, nthreads_, iterations_)        \
	{                                                                  \
		.name = name_, .clock = BENCH_WALL, .group = group_,       \
		.iterations = iterations_, .size = min_, .size_max = max_, \
		.nthreads = nthreads_, .setup = exchange_setup,            \
		.run = handoff_run, .teardown = exchange_teardown          \
	}

static const struct bench handoffs[] = {
	PIPE("pipe/64", 64, 64, 2, 1500000),
	PIPE("pipe/16_to_4K_x4", 16, 4 * KIB, 8, 1200000),
	EXCHANGE("exchange/64", BENCH_GENERAL, 64, 64, 2, 3000000),
	EXCHANGE("exchange/16_to_2K_x16", BENCH_GENERAL, 16, 2 * KIB, 16,
		 2000000),
	EXCHANGE("crowd/exchange_16_to_1K", BENCH_CROWD, 16, KIB, 400, 1000000),
};

BENCH_REGISTER(handoffs);

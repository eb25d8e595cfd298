/*
 * batch.c -- what does it cost to allocate many blocks and then free them all,
 * the last one first, the first one first, or in random order?
 *
 * An iteration is one batch of `count` blocks. Blocks of a batch do not fit a
 * thread cache, so fills and flushes are part of the figure.
 */
#include "bench.h"

struct batch {
	const struct bench *b;
	void **blocks;
	/* The order of the frees: indexes of blocks. */
	uint32_t *order;
};

static struct batch *
batch_make(const struct bench *b)
{
	struct batch *batch = bench_map(sizeof(*batch));

	batch->b = b;
	batch->blocks = bench_map(b->count * sizeof(*batch->blocks));
	batch->order = bench_map(b->count * sizeof(*batch->order));
	return batch;
}

static void *
lifo_setup(const struct bench *b)
{
	struct batch *batch = batch_make(b);

	for (uint32_t i = 0; i < b->count; i++)
		batch->order[i] = (uint32_t)b->count - 1 - i;
	return batch;
}

static void *
fifo_setup(const struct bench *b)
{
	struct batch *batch = batch_make(b);

	for (uint32_t i = 0; i < b->count; i++)
		batch->order[i] = i;
	return batch;
}

static void *
shuffled_setup(const struct bench *b)
{
	struct batch *batch = fifo_setup(b);
	struct bench_random random = bench_random_init(1);

	for (uint32_t i = (uint32_t)b->count - 1; i > 0; i--) {
		uint32_t other = bench_random_below(&random, i + 1);
		uint32_t index = batch->order[i];

		batch->order[i] = batch->order[other];
		batch->order[other] = index;
	}
	return batch;
}

static void
batch_run(void *state, uint64_t iterations)
{
	struct batch *batch = state;
	size_t size = batch->b->size, count = batch->b->count;

	while (iterations--) {
		for (size_t i = 0; i < count; i++) {
			batch->blocks[i] = malloc(size);
			bench_touch(batch->blocks[i], size);
		}
		for (size_t i = 0; i < count; i++)
			free(batch->blocks[batch->order[i]]);
	}
}

static void
batch_teardown(void *state)
{
	struct batch *batch = state;
	size_t count = batch->b->count;

	bench_unmap(batch->blocks, count * sizeof(*batch->blocks));
	bench_unmap(batch->order, count * sizeof(*batch->order));
	bench_unmap(batch, sizeof(*batch));
}

#define BATCH(name_, setup_, size_, count_, iterations_)                      \
	{                                                                     \
		.name = name_, .clock = BENCH_CPU, .iterations = iterations_, \
		.size = size_, .count = count_, .setup = setup_,              \
		.run = batch_run, .teardown = batch_teardown                  \
	}

static const struct bench batches[] = {
	BATCH("batch_lifo/16", lifo_setup, 16, 1000, 4000),
	BATCH("batch_lifo/128", lifo_setup, 128, 1000, 4000),
	BATCH("batch_lifo/1K", lifo_setup, KIB, 1000, 1200),
	BATCH("batch_lifo/8K", lifo_setup, 8 * KIB, 250, 250),
	BATCH("batch_fifo/16", fifo_setup, 16, 1000, 4000),
	BATCH("batch_fifo/128", fifo_setup, 128, 1000, 4000),
	BATCH("batch_fifo/1K", fifo_setup, KIB, 1000, 1200),
	BATCH("batch_fifo/8K", fifo_setup, 8 * KIB, 250, 250),
	BATCH("batch_shuffled/64", shuffled_setup, 64, 50000, 40),
	BATCH("batch_shuffled/512", shuffled_setup, 512, 20000, 50),
};

BENCH_REGISTER(batches);

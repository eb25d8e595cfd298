/*
 * realloc.c -- what does growth cost?
 *
 * double  from `size` bytes, twice as large each time
 * append  from `size` bytes, larger by `size` bytes each time
 *
 * up to `size_max`. Where `count` is not 1, that many buffers grow in turn, so
 * that the next address is mostly taken. The rows that end at 32 MiB grow one
 * buffer, whose pages can be moved instead of copied. An iteration is `count`
 * buffers from nothing to their full size and back to nothing. Only what was
 * added is touched.
 */
#include "bench.h"

enum { MAX_BUFFERS = 16 };

/* Grows *buffer from `old` to `new` bytes and touches what was added. */
static void
grow(char **buffer, size_t old, size_t new)
{
	*buffer = realloc(*buffer, new);
	bench_touch(*buffer + old, new - old);
}

static void *
growth_setup(const struct bench *b)
{
	return (void *)(uintptr_t)b;
}

static void
growth_teardown(void *state)
{
	(void)state;
}

static size_t
next_double(const struct bench *b, size_t bytes)
{
	return bytes ? 2 * bytes : b->size;
}

static size_t
next_append(const struct bench *b, size_t bytes)
{
	return bytes + b->size;
}

static inline void
grow_all(const struct bench *b,
	 size_t (*next)(const struct bench *b, size_t bytes))
{
	char *buffers[MAX_BUFFERS] = { NULL };
	size_t old = 0;

	while (old < b->size_max) {
		size_t new = next(b, old);

		for (size_t i = 0; i < b->count; i++)
			grow(&buffers[i], old, new);
		old = new;
	}
	for (size_t i = 0; i < b->count; i++)
		free(buffers[i]);
}

static void
double_run(void *state, uint64_t iterations)
{
	while (iterations--)
		grow_all(state, next_double);
}

static void
append_run(void *state, uint64_t iterations)
{
	while (iterations--)
		grow_all(state, next_append);
}

#define GROWTH(name_, run_, min_, max_, count_, iterations_)                  \
	{                                                                     \
		.name = name_, .clock = BENCH_CPU, .iterations = iterations_, \
		.size = min_, .size_max = max_, .count = count_,              \
		.setup = growth_setup, .run = run_,                           \
		.teardown = growth_teardown                                   \
	}

static const struct bench growths[] = {
	GROWTH("realloc/double_to_64K", double_run, 16, 64 * KIB, 8, 1000),
	GROWTH("realloc/append_to_8K", append_run, 64, 8 * KIB, 16, 250),
	GROWTH("realloc/double_to_32M", double_run, 64, 32 * MIB, 1, 8),
	GROWTH("realloc/append_to_32M", append_run, MIB, 32 * MIB, 1, 4),
};

BENCH_REGISTER(growths);

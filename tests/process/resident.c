/*
 * resident.c -- resident memory follows what the program uses, by itself.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

/* The default decay is a second; a loaded machine may need some more. */
#define PATIENCE_MS 10000

enum { N_BLOCKS = 20000 };
static void *blocks[N_BLOCKS];

static void
alloc_and_free(size_t n, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		blocks[i] = malloc(hide_size(n));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, n);
	}
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
}

static void *
be_a_thread(void *unused)
{
	return unused;
}

/* The process does nothing at all while it is watched. */
static void
expect_memory_back(size_t n, size_t count)
{
	size_t before;

	/* A process of threads, as every JVM is one. */
	crowd_run(1, be_a_thread);
	before = resident_bytes();
	alloc_and_free(n, count);
	expect_for(resident_falls_to(before + 2 * MIB, PATIENCE_MS),
		   "%zu KiB before, %zu after", before / KIB,
		   resident_bytes() / KIB);
}

static void
memory_of_small_blocks_goes_back_when_the_process_rests(void)
{
	expect_memory_back(500, N_BLOCKS);
	expect_memory_back(5000, N_BLOCKS);
}

static void
memory_of_large_blocks_goes_back_when_the_process_rests(void)
{
	expect_memory_back(50000, 2000);
	expect_memory_back(500000, 200);
}

static void
memory_of_huge_blocks_goes_back_when_the_process_rests(void)
{
	expect_memory_back(10 * MIB, 10);
}

static void
with_a_decay_of_0_memory_goes_back_at_once(void)
{
	size_t before = resident_bytes();

	alloc_and_free(500000, 100);
	expect_for(resident_falls_to(before + 4 * MIB, 1000),
		   "%zu KiB before, %zu after", before / KIB,
		   resident_bytes() / KIB);
}

static void
without_a_decay_memory_stays_until_it_is_asked_for(void)
{
	size_t before;

	crowd_run(1, be_a_thread);
	before = resident_bytes();
	alloc_and_free(500000, 100);
	/* Longer than the default decay; nothing to wait for is the point. */
	expect(!resident_falls_to(before + 24 * MIB, 2500));
	expect(malloc_trim(0) == 1);
	expect(resident_bytes() <= before + 2 * MIB);
}

/* --- idle threads ----------------------------------------------------------------------- */

enum { N_THREADS = 400 };
static pthread_barrier_t barrier;
static void (*todo)(void);

static void *
do_it_and_rest(void *unused)
{
	char stack[32 * KIB];

	/* The stack shall not grow while memory is measured. */
	memset(hide(stack), 1, sizeof stack);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	todo();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

/* What each of 400 threads keeps that did something once; after `rest_ms`. */
static void
expect_idle_bytes(void (*what)(void), size_t bytes, unsigned rest_ms)
{
	pthread_t threads[N_THREADS];
	size_t before, limit;

	todo = what;
	expect(pthread_barrier_init(&barrier, NULL, N_THREADS + 1) == 0);
	crowd_start(threads, N_THREADS, do_it_and_rest);
	pthread_barrier_wait(&barrier);
	before = resident_bytes();
	limit = before + N_THREADS * bytes;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	expect_for(resident_falls_to(limit, rest_ms), "%zu bytes a thread",
		   (resident_bytes() - before) / N_THREADS);
	remark("%zu bytes a thread\n", (resident_bytes() - before) / N_THREADS);
	pthread_barrier_wait(&barrier);
	crowd_join(threads, N_THREADS);
}

static void
alloc_once(void)
{
	free(malloc(hide_size(100)));
}

static void
an_idle_thread_that_allocated_once_keeps_16_kib_at_most(void)
{
	expect_idle_bytes(alloc_once, 16 * KIB, 0);
}

static void
alloc_much(void)
{
	live_a_life(8, 2000);
}

static void
an_idle_thread_that_allocated_much_keeps_16_kib_after_a_while(void)
{
	expect_idle_bytes(alloc_much, 16 * KIB, PATIENCE_MS);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(memory_of_small_blocks_goes_back_when_the_process_rests),
		CASE(memory_of_large_blocks_goes_back_when_the_process_rests),
		CASE(memory_of_huge_blocks_goes_back_when_the_process_rests),
		CASE(with_a_decay_of_0_memory_goes_back_at_once,
		     .conf = "decay_ms:0"),
		CASE(without_a_decay_memory_stays_until_it_is_asked_for,
		     .conf = "decay_ms:-1"),
		CASE(an_idle_thread_that_allocated_once_keeps_16_kib_at_most),
		CASE(an_idle_thread_that_allocated_much_keeps_16_kib_after_a_while),
	};

	return RUN_CASES(argc, argv, cases);
}

/*
 * stacks.c -- how much stack the library takes from whoever calls it: threads
 * may have little, and free may set off a purge, a look at the memory limits
 * or, without the trim thread, a whole tick.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define STACK_BYTES (256 * KIB)
#define PAINT       0xa5

/* What a thread of the least stack has left, its guard and libc's part and a
 * profiler's frame taken off. */
#define MOST_BYTES (6 * KIB)

/* --- how deep ---------------------------------------------------------------- */

/* The deepest byte that a thread of this function writes, from its stack's top. */
static size_t
depth_of(void *(*run)(void *))
{
	unsigned char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t t;
	size_t at = 0;

	expect(stack != MAP_FAILED);
	memset(stack, PAINT, STACK_BYTES);
	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstack(&attr, stack, STACK_BYTES) == 0);
	expect(pthread_create(&t, &attr, run, NULL) == 0);
	expect(pthread_join(t, NULL) == 0);
	pthread_attr_destroy(&attr);
	while (stack[at] == PAINT)
		at++;
	munmap(stack, STACK_BYTES);
	return STACK_BYTES - at;
}

static void *
do_nothing(void *unused)
{
	return unused;
}

static const size_t sizes[] = { 24, 1000, 5000, 40000, 300000, 3 * MIB };

/* Every second block of a row goes first: pages in rows of one. */
static void
come_and_go(size_t n)
{
	enum { N = 400 };
	static _Thread_local void *held[N];
	size_t count = n > 100000 ? 20 : N;

	for (size_t i = 0; i < count; i++) {
		held[i] = malloc(n);
		expect(held[i] != NULL);
		memset(held[i], 1, n);
	}
	for (size_t i = 0; i < count; i += 2)
		free(held[i]);
	for (size_t i = 1; i < count; i += 2)
		free(realloc(held[i], n + n / 8));
}

static void *
alloc_and_free(void *unused)
{
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			come_and_go(sizes[i]);
	}
	free(calloc(1000, 1000));
	free(memalign(4096, 100000));
	return unused;
}

static void *
trim(void *unused)
{
	alloc_and_free(NULL);
	malloc_trim(0);
	return unused;
}

static void
expect_shallow(void *(*run)(void *))
{
	size_t libc = depth_of(do_nothing), all = depth_of(run);

	remark("%zu bytes of stack, and %zu for libc\n", all - libc, libc);
	expect_for(all - libc <= MOST_BYTES, "%zu bytes", all - libc);
}

static void
malloc_and_free_take_few_kib_of_stack(void)
{
	expect_shallow(alloc_and_free);
}

static void
malloc_trim_takes_few_kib_of_stack(void)
{
	expect_shallow(trim);
}

/* --- the smallest stack ------------------------------------------------------- */

static atomic_bool is_over;
static pthread_t threads[8];

static void
on_signal(int number)
{
	(void)number;
}

static void *
live_on_little(void *seed)
{
	live_a_life((uintptr_t)seed, 60);
	malloc_trim(0);
	return NULL;
}

static void
start_little(uintptr_t seed)
{
	pthread_attr_t attr;

	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstacksize(
		       &attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
	for (size_t i = 0; i < 8; i++)
		expect(pthread_create(&threads[i], &attr, live_on_little,
				      (void *)(seed + i)) == 0);
	pthread_attr_destroy(&attr);
}

static void *
send_signals(void *unused)
{
	while (!atomic_load(&is_over)) {
		for (size_t i = 0; i < 8; i++)
			pthread_kill(threads[i], SIGUSR1);
		usleep(200);
	}
	return unused;
}

static void
threads_of_the_smallest_stack_are_served_amid_signals(void)
{
	for (uintptr_t seed = 0; seed < 32; seed += 8) {
		pthread_t sender;

		expect(signal(SIGUSR1, on_signal) != SIG_ERR);
		atomic_store(&is_over, false);
		start_little(seed);
		sender = crowd_start_one(send_signals, NULL);
		usleep(20000);
		atomic_store(&is_over, true);
		crowd_join(&sender, 1);
		crowd_join(threads, 8);
	}
}

/* All of it in the thread that frees, and a tick at each free. */
#define BY_ITSELF "trim_thread:false,decay_ms:0"

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(malloc_and_free_take_few_kib_of_stack),
		CASE(malloc_trim_takes_few_kib_of_stack),
		{ .name = "the_same_without_the_trim_thread",
		  .run = malloc_and_free_take_few_kib_of_stack,
		  .conf = BY_ITSELF },
		{ .name = "the_same_near_a_memory_limit",
		  .run = malloc_and_free_take_few_kib_of_stack,
		  .conf = "pressure_percent:1",
		  .memory_limit = 256 * MIB },
		CASE(threads_of_the_smallest_stack_are_served_amid_signals),
		{ .name = "so_they_are_without_the_trim_thread",
		  .run = threads_of_the_smallest_stack_are_served_amid_signals,
		  .conf = BY_ITSELF },
	};

	return RUN_CASES(argc, argv, cases);
}

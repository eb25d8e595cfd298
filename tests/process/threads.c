/*
 * threads.c -- threads that start, end, die and leave blocks to others.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

/* --- thread-specific data ---------------------------------------------------- */

/* Two keys on either side of the key that the library may have made. */
static pthread_key_t early_key, late_key;
static atomic_size_t ndestructions;

struct heirloom {
	pthread_key_t key;
	int rounds_left;
	char *text;
};

static void
leave_heirloom(pthread_key_t key, int rounds)
{
	struct heirloom *h = malloc(sizeof *h);

	expect(h != NULL);
	h->key = key;
	h->rounds_left = rounds;
	h->text = strdup("what a thread leaves behind");
	expect(h->text != NULL);
	expect(pthread_setspecific(key, h) == 0);
}

/* Frees, allocates and sets the value anew, so that it is called again: by
 * then the thread's cache may be gone, and be wanted again. */
static void
destroy_heirloom(void *value)
{
	struct heirloom *h = value;
	pthread_key_t key = h->key;
	int rounds_left = h->rounds_left;

	expect(strcmp(h->text, "what a thread leaves behind") == 0);
	free(h->text);
	free(h);
	live_a_life((uint64_t)rounds_left, 100);
	if (rounds_left > 1)
		leave_heirloom(key, rounds_left - 1);
	atomic_fetch_add_explicit(&ndestructions, 1, memory_order_relaxed);
}

static void *
leave_both(void *unused)
{
	live_a_life(1, 50);
	leave_heirloom(early_key, PTHREAD_DESTRUCTOR_ITERATIONS);
	leave_heirloom(late_key, PTHREAD_DESTRUCTOR_ITERATIONS);
	return unused;
}

__attribute__((constructor(101))) static void
make_the_early_key(void)
{
	pthread_key_create(&early_key, destroy_heirloom);
}

static void
destructors_of_thread_specific_data_allocate_and_free_in_every_round(void)
{
	enum { N = 200 };

	expect(pthread_key_create(&late_key, destroy_heirloom) == 0);
	crowd_run(N, leave_both);
	/* Each thread, each key, each round; relaxed: the threads have ended. */
	expect_for(atomic_load(&ndestructions) ==
			   2 * N * PTHREAD_DESTRUCTOR_ITERATIONS,
		   "%zu", atomic_load(&ndestructions));
}

static void *
leave_one_without_a_block_before(void *unused)
{
	expect(pthread_setspecific(late_key, unused) == 0);
	return NULL;
}

static void
alloc_for_the_first_time(void *value)
{
	live_a_life((uintptr_t)value, 100);
	atomic_fetch_add(&ndestructions, 1);
}

static void
a_thread_that_first_allocates_in_a_destructor_is_served(void)
{
	expect(pthread_key_create(&late_key, alloc_for_the_first_time) == 0);
	for (uintptr_t i = 1; i <= 100; i++)
		expect(pthread_join(
			       crowd_start_one(leave_one_without_a_block_before,
					       (void *)i),
			       NULL) == 0);
	expect(atomic_load(&ndestructions) == 100);
}

/* The value counts the rounds; in the last one there is none to come. */
static void
alloc_in_the_last_round(void *value)
{
	uintptr_t round = (uintptr_t)value;

	if (round < PTHREAD_DESTRUCTOR_ITERATIONS) {
		expect(pthread_setspecific(late_key, (void *)(round + 1)) == 0);
		return;
	}
	live_a_life(1, 100);
	atomic_fetch_add(&ndestructions, 1);
}

static void *
count_from_one(void *unused)
{
	(void)unused;
	expect(pthread_setspecific(late_key, (void *)1) == 0);
	return NULL;
}

/* Their stacks are too large for glibc to keep: whoever believes that such a
 * thread still lives looks into unmapped memory. */
static void
a_thread_that_first_allocates_in_its_last_destructor_leaves_nothing(void)
{
	enum { N = 40 };
	pthread_t threads[N];
	size_t before = 0;

	expect(pthread_key_create(&late_key, alloc_in_the_last_round) == 0);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < N; i++)
			expect(pthread_create(&threads[i], NULL, count_from_one,
					      NULL) == 0);
		crowd_join(threads, N);
		malloc_trim(0);
		if (round == 2)
			before = resident_bytes();
	}
	expect(atomic_load(&ndestructions) == 10 * N);
	expect_for(resident_bytes() <= before + MIB, "%zu KiB, then %zu",
		   before / KIB, resident_bytes() / KIB);
}

static void
destructors_at_thread_exit_leak_nothing(void)
{
	size_t before = 0;

	expect(pthread_key_create(&late_key, destroy_heirloom) == 0);
	for (int round = 0; round < 20; round++) {
		crowd_run(100, leave_both);
		malloc_trim(0);
		if (round == 4)
			before = resident_bytes();
	}
	expect_for(resident_bytes() <= before + MIB, "%zu KiB, then %zu",
		   before / KIB, resident_bytes() / KIB);
}

/* --- ways to end --------------------------------------------------------------- */

static void *
end_by_pthread_exit(void *i)
{
	live_a_life((uintptr_t)i, 50);
	pthread_exit(malloc(100));
}

static void
a_thread_may_end_by_pthread_exit(void)
{
	for (uintptr_t i = 0; i < 200; i++) {
		void *result;

		expect(pthread_join(
			       crowd_start_one(end_by_pthread_exit, (void *)i),
			       &result) == 0);
		expect(result != NULL);
		memset(result, 1, 100);
		free(result);
	}
}

static void
free_it(void *block)
{
	free(block);
	live_a_life(7, 20);
}

/* Cancelled wherever it is: only testcancel lets it happen, but the cleanup
 * handlers then run on the allocator. */
static void *
work_until_cancelled(void *started)
{
	for (;;) {
		void *block = malloc(1000);

		expect(block != NULL);
		pthread_cleanup_push(free_it, block);
		live_a_life(11, 10);
		atomic_store((atomic_bool *)started, true);
		pthread_testcancel();
		pthread_cleanup_pop(1);
	}
	return NULL;
}

static void
a_thread_may_be_cancelled(void)
{
	for (int i = 0; i < 200; i++) {
		atomic_bool started = false;
		pthread_t t = crowd_start_one(work_until_cancelled, &started);
		void *result;

		while (!atomic_load(&started))
			sched_yield();
		expect(pthread_cancel(t) == 0);
		expect(pthread_join(t, &result) == 0 &&
		       result == PTHREAD_CANCELED);
	}
}

static atomic_size_t nended;

static void *
live_detached(void *i)
{
	expect(pthread_detach(pthread_self()) == 0);
	live_a_life((uintptr_t)i, 50);
	atomic_fetch_add(&nended, 1);
	return NULL;
}

static void
detached_threads_come_and_go(void)
{
	enum { N = 2000 };

	for (uintptr_t i = 0; i < N; i++) {
		crowd_start_one(live_detached, (void *)i);
		/* Not more than 50 at a time. */
		while (i > atomic_load(&nended) + 50)
			sched_yield();
	}
	while (atomic_load(&nended) < N)
		sched_yield();
}

static int
live_as_c11_has_it(void *i)
{
	live_a_life((uintptr_t)i, 50);
	return (int)(uintptr_t)i;
}

/* glibc's thrd_create passes by pthread_create. */
static void
threads_of_c11_come_and_go(void)
{
	for (int i = 0; i < 200; i++) {
		thrd_t t;
		int result;

		expect(thrd_create(&t, live_as_c11_has_it,
				   (void *)(uintptr_t)i) == thrd_success);
		expect(thrd_join(t, &result) == thrd_success && result == i);
	}
}

static void *
sleep_for_ever(void *unused)
{
	live_a_life(3, 50);
	atomic_fetch_add(&nended, 1);
	for (;;)
		pause();
	return unused;
}

static void
main_may_return_while_threads_live(void)
{
	for (int i = 0; i < 20; i++)
		crowd_start_one(sleep_for_ever, NULL);
	while (atomic_load(&nended) < 20)
		sched_yield();
}

static void
exit_may_be_called_by_any_thread(void)
{
	/* It ends with status 0 from there, and the case never returns. */
	crowd_start_one((void *(*)(void *))(uintptr_t)exit, NULL);
	for (;;)
		pause();
}

/* --- inheritance ------------------------------------------------------------------ */

enum { N_LEFT = 2000 };

static size_t
left_size(size_t i)
{
	static const size_t sizes[] = { 16, 100, 1000, 5000, 30000, 100000 };

	return i % 500 == 499 ? 3 * MIB : sizes[i % 6];
}

static void *
leave_blocks(void *unused)
{
	void **left = malloc(N_LEFT * sizeof *left);

	(void)unused;
	expect(left != NULL);
	for (size_t i = 0; i < N_LEFT; i++) {
		left[i] = malloc(left_size(i));
		expect(left[i] != NULL);
		pattern_fill(left[i], left_size(i), i);
	}
	return left;
}

static void *
take_blocks(void *argument)
{
	void **left = argument;

	for (size_t i = 0; i < N_LEFT; i++) {
		expect_for(pattern_check(left[i], left_size(i), i) ==
				   left_size(i),
			   "block %zu", i);
		if (i % 3 == 0)
			left[i] = realloc(left[i], left_size(i) * 2);
		expect(left[i] != NULL);
		free(left[i]);
	}
	free(left);
	return NULL;
}

static void
blocks_outlive_the_thread_that_allocated_them(void)
{
	size_t before = 0;

	for (int round = 0; round < 8; round++) {
		void *left;

		expect(pthread_join(crowd_start_one(leave_blocks, NULL),
				    &left) == 0);
		live_a_life(5, 1000);
		if (round % 2 == 0)
			take_blocks(left);
		else
			expect(pthread_join(crowd_start_one(take_blocks, left),
					    NULL) == 0);
		if (round == 3)
			before = resident_bytes();
	}
	malloc_trim(0);
	expect_for(resident_bytes() <= before + MIB, "%zu KiB, then %zu",
		   before / KIB, resident_bytes() / KIB);
}

/* --- a thousand ---------------------------------------------------------------------- */

enum { N_CROWD = 1000 };
static pthread_barrier_t all_there;

static void *
live_together(void *i)
{
	live_a_life((uintptr_t)i, 100);
	pthread_barrier_wait(&all_there);
	live_a_life((uintptr_t)i + N_CROWD, 100);
	return NULL;
}

/* 256 bytes that each thread left behind would be twice the slack. */
static void
a_thousand_threads_ten_times_over_leave_memory_flat(void)
{
	size_t first = 0, last = 0;

	expect(pthread_barrier_init(&all_there, NULL, N_CROWD) == 0);
	for (int round = 0; round < 10; round++) {
		crowd_run(N_CROWD, live_together);
		malloc_trim(0);
		last = resident_bytes();
		if (round == 1)
			first = last;
	}
	remark("after 2 rounds %zu KiB, after 10 %zu KiB\n", first / KIB,
	       last / KIB);
	expect_for(last <= first + 2 * MIB, "%zu KiB, then %zu", first / KIB,
		   last / KIB);
}

static void
a_thousand_threads_one_after_the_other_leave_memory_flat(void)
{
	size_t first = 0;

	expect(pthread_barrier_init(&all_there, NULL, 1) == 0);
	for (uintptr_t i = 0; i < N_CROWD; i++) {
		expect(pthread_join(crowd_start_one(live_together, (void *)i),
				    NULL) == 0);
		if (i == 100) {
			malloc_trim(0);
			first = resident_bytes();
		}
	}
	malloc_trim(0);
	expect_for(resident_bytes() <= first + MIB, "%zu KiB, then %zu",
		   first / KIB, resident_bytes() / KIB);
}

/* --- ten thousand ----------------------------------------------------------------------- */

enum { N_MULTITUDE = 10000 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t arrived, opened;
	size_t nthere;
	bool is_open;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
	   PTHREAD_COND_INITIALIZER, 0, false };

static void *gifts[N_MULTITUDE];

static size_t
gift_size(size_t i)
{
	return 16 + i % 2000;
}

static void
wait_at_the_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.nthere++;
	pthread_cond_signal(&gate.arrived);
	while (!gate.is_open)
		pthread_cond_wait(&gate.opened, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

/* Whoever sees the gate open sees all gifts: one lock orders both. */
static void *
live_in_a_multitude(void *number)
{
	size_t i = (uintptr_t)number, next = (i + 1) % N_MULTITUDE;

	gifts[i] = malloc(gift_size(i));
	expect(gifts[i] != NULL);
	pattern_fill(gifts[i], gift_size(i), i);
	live_a_life(i, 10);
	wait_at_the_gate();
	/* None where the crowd could not be completed. */
	if (gifts[next] != NULL)
		expect(pattern_check(gifts[next], gift_size(next), next) ==
		       gift_size(next));
	free(gifts[next]);
	live_a_life(i, 10);
	return NULL;
}

/* How many there are in the end: a machine may allow for fewer. */
static size_t
start_multitude(pthread_t *threads)
{
	pthread_attr_t attr;
	size_t n;

	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstacksize(&attr, 64 * KIB) == 0);
	for (n = 0; n < N_MULTITUDE; n++) {
		int error = pthread_create(&threads[n], &attr,
					   live_in_a_multitude, (void *)n);

		expect_for(error == 0 || error == EAGAIN, "error %d", error);
		if (error != 0)
			break;
	}
	pthread_attr_destroy(&attr);
	return n;
}

/* All caches are emptied while their owners wait. */
static void
wait_for_multitude(size_t n)
{
	pthread_mutex_lock(&gate.lock);
	while (gate.nthere < n)
		pthread_cond_wait(&gate.arrived, &gate.lock);
	malloc_trim(0);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.opened);
	pthread_mutex_unlock(&gate.lock);
}

static void
ten_thousand_threads_live_at_once_and_leave_memory_flat(void)
{
	static pthread_t threads[N_MULTITUDE];
	size_t first = 0, last = 0;

	for (int round = 0; round < 3; round++) {
		size_t n = start_multitude(threads);

		wait_for_multitude(n);
		last = resident_bytes();
		crowd_join(threads, n);
		if (n < N_MULTITUDE)
			case_skipped("fewer threads are allowed for here");
		gate.nthere = 0;
		gate.is_open = false;
		malloc_trim(0);
		remark("%zu KiB while they live, then %zu KiB\n", last / KIB,
		       resident_bytes() / KIB);
		last = resident_bytes();
		if (round == 0)
			first = last;
	}
	expect_for(last <= first + 8 * MIB, "%zu KiB, then %zu", first / KIB,
		   last / KIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(destructors_of_thread_specific_data_allocate_and_free_in_every_round),
		CASE(a_thread_that_first_allocates_in_a_destructor_is_served),
		CASE(a_thread_that_first_allocates_in_its_last_destructor_leaves_nothing),
		CASE(destructors_at_thread_exit_leak_nothing),
		CASE(a_thread_may_end_by_pthread_exit),
		CASE(a_thread_may_be_cancelled),
		CASE(detached_threads_come_and_go),
		CASE(threads_of_c11_come_and_go),
		CASE(main_may_return_while_threads_live),
		CASE(exit_may_be_called_by_any_thread),
		CASE(blocks_outlive_the_thread_that_allocated_them),
		CASE(a_thousand_threads_ten_times_over_leave_memory_flat),
		CASE(a_thousand_threads_one_after_the_other_leave_memory_flat),
		CASE(ten_thousand_threads_live_at_once_and_leave_memory_flat,
		     .timeout_s = 120),
	};

	return RUN_CASES(argc, argv, cases);
}

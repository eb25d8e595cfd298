/*
 * lock.c -- a futex lock with a rank.
 */
#include <pthread.h>

#include "os/lock.h"
#include "os/os.h"
#include "unit.h"

#define NTHREADS 4
#define NROUNDS  20000

static struct lock lock_a, lock_b;

/* --- ranks ----------------------------------------------------------------- */

static const char against_order[] =
	"a lock was taken against the order of ranks";

static void
do_take_lower(void)
{
	lock_take(&lock_a, LOCK_PAGES);
	lock_take(&lock_b, LOCK_BIN);
}

static void
a_lock_below_one_that_is_held_is_refused(void **state)
{
	(void)state;
	expect_death(do_take_lower, against_order);
}

static void
do_take_equal(void)
{
	lock_take(&lock_a, LOCK_BIN);
	lock_take(&lock_b, LOCK_BIN);
}

static void
two_locks_of_one_rank_are_refused(void **state)
{
	(void)state;
	expect_death(do_take_equal, against_order);
}

static void
do_take_another_below(void)
{
	lock_take(&lock_a, LOCK_PAGES);
	lock_take_another(&lock_b, LOCK_BIN);
}

static void
another_of_a_rank_must_not_be_below(void **state)
{
	(void)state;
	expect_death(do_take_another_below, against_order);
}

static void
do_drop_what_is_not_held(void)
{
	lock_drop(&lock_a, LOCK_BIN);
}

static void
a_lock_that_is_not_held_cannot_be_dropped(void **state)
{
	(void)state;
	expect_death(do_drop_what_is_not_held,
		     "a lock was dropped that is not held");
}

static void
locks_of_rising_ranks_are_taken(void **state)
{
	static const enum lock_rank ranks[] = {
		LOCK_SERVER,  LOCK_RELIEF, LOCK_TRIM,       LOCK_ROUND,
		LOCK_THREADS, LOCK_CACHE,  LOCK_QUARANTINE, LOCK_PROFILE,
		LOCK_GUARD,   LOCK_ARENAS, LOCK_BIN,        LOCK_PAGES,
		LOCK_MAP,     LOCK_META,   LOCK_CTL,
	};
	static struct lock locks[COUNT_OF(ranks)];

	/* All there are: each has its own place in the order. */
	static_assert(COUNT_OF(ranks) == LOCK_NRANKS, "a rank is missing");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ranks); i++)
		lock_take(&locks[i], ranks[i]);
	for (size_t i = 0; i < COUNT_OF(ranks); i++)
		lock_drop(&locks[i], ranks[i]);
}

static void
fork_may_take_several_of_one_rank(void **state)
{
	(void)state;
	lock_take_another(&lock_a, LOCK_BIN);
	lock_take_another(&lock_b, LOCK_BIN);
	lock_drop(&lock_a, LOCK_BIN);
	lock_drop(&lock_b, LOCK_BIN);
}

static void
a_rank_that_was_dropped_can_be_taken_again(void **state)
{
	(void)state;
	lock_take(&lock_a, LOCK_PAGES);
	lock_drop(&lock_a, LOCK_PAGES);
	lock_take(&lock_b, LOCK_BIN);
	lock_drop(&lock_b, LOCK_BIN);
}

static void *
take_the_lowest(void *arg)
{
	(void)arg;
	lock_take(&lock_b, LOCK_CONTROL);
	lock_drop(&lock_b, LOCK_CONTROL);
	return NULL;
}

static void
what_one_thread_holds_does_not_bind_another(void **state)
{
	pthread_t thread;

	(void)state;
	lock_take(&lock_a, LOCK_META);
	assert_int_equal(pthread_create(&thread, NULL, take_the_lowest, NULL),
			 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lock_drop(&lock_a, LOCK_META);
}

/* --- exclusion ----------------------------------------------------------------- */

static void
a_lock_of_zeros_is_free_and_so_is_a_dropped_one(void **state)
{
	struct lock l = { 0 };

	(void)state;
	lock_take(&l, LOCK_BIN);
	assert_int_equal(atomic_load(&l.state), 1);
	lock_drop(&l, LOCK_BIN);
	assert_int_equal(atomic_load(&l.state), 0);
}

/* Two words that agree whenever the lock is free; no atomics. */
static size_t count_up, count_down;

static void *
count_under_lock(void *arg)
{
	bool *ok = arg;

	for (int i = 0; i < NROUNDS; i++) {
		lock_take(&lock_a, LOCK_BIN);
		*ok = *ok && count_up + count_down == 0;
		count_up++;
		/* Lets another try while the words disagree. */
		if (i % 64 == 0)
			os_yield();
		count_down--;
		lock_drop(&lock_a, LOCK_BIN);
	}
	return NULL;
}

static void
one_thread_at_a_time_holds_a_lock(void **state)
{
	pthread_t threads[NTHREADS];
	bool ok[NTHREADS];

	(void)state;
	for (size_t i = 0; i < NTHREADS; i++) {
		ok[i] = true;
		assert_int_equal(pthread_create(&threads[i], NULL,
						count_under_lock, &ok[i]),
				 0);
	}
	for (size_t i = 0; i < NTHREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(ok[i]);
	}
	assert_int_equal(count_up, (size_t)NTHREADS * NROUNDS);
	assert_int_equal(atomic_load(&lock_a.state), 0);
}

static void *
take_and_drop(void *arg)
{
	(void)arg;
	lock_take(&lock_a, LOCK_BIN);
	lock_drop(&lock_a, LOCK_BIN);
	return NULL;
}

static void
who_sleeps_for_a_lock_is_woken_by_its_drop(void **state)
{
	pthread_t thread;

	(void)state;
	lock_take(&lock_a, LOCK_BIN);
	assert_int_equal(pthread_create(&thread, NULL, take_and_drop, NULL), 0);
	/* 2: it gave up spinning, and sleeps or is about to. */
	while (atomic_load(&lock_a.state) != 2)
		os_yield();
	lock_drop(&lock_a, LOCK_BIN);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&lock_a.state), 0);
}

static void
who_had_to_wait_is_counted_and_who_had_not_is_not(void **state)
{
	uint32_t before = lock_nwaits(&lock_a);
	pthread_t thread;

	(void)state;
	take_and_drop(NULL);
	assert_int_equal(lock_nwaits(&lock_a), before);
	lock_take(&lock_a, LOCK_BIN);
	assert_int_equal(pthread_create(&thread, NULL, take_and_drop, NULL), 0);
	while (atomic_load(&lock_a.state) != 2)
		os_yield();
	lock_drop(&lock_a, LOCK_BIN);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(lock_nwaits(&lock_a), before + 1);
	assert_int_equal(lock_nwaits(&lock_b), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_below_one_that_is_held_is_refused),
		cmocka_unit_test(two_locks_of_one_rank_are_refused),
		cmocka_unit_test(another_of_a_rank_must_not_be_below),
		cmocka_unit_test(a_lock_that_is_not_held_cannot_be_dropped),
		cmocka_unit_test(locks_of_rising_ranks_are_taken),
		cmocka_unit_test(fork_may_take_several_of_one_rank),
		cmocka_unit_test(a_rank_that_was_dropped_can_be_taken_again),
		cmocka_unit_test(what_one_thread_holds_does_not_bind_another),
		cmocka_unit_test(
			a_lock_of_zeros_is_free_and_so_is_a_dropped_one),
		cmocka_unit_test(one_thread_at_a_time_holds_a_lock),
		cmocka_unit_test(who_sleeps_for_a_lock_is_woken_by_its_drop),
		cmocka_unit_test(
			who_had_to_wait_is_counted_and_who_had_not_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

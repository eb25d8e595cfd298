/*
 * bell.c -- who rings wakes whoever sleeps.
 */
#include <pthread.h>

#include "pages/bell.h"
#include "unit.h"

static int
nobody_sleeps(void **state)
{
	(void)state;
	atomic_store(&bell_asleep, 0);
	return 0;
}

static void
a_ring_that_nobody_waits_for_changes_nothing(void **state)
{
	(void)state;
	bell_ring();
	bell_ring_slow();
	assert_int_equal(atomic_load(&bell_asleep), 0);
}

static void
a_ring_takes_the_announcement_back(void **state)
{
	(void)state;
	bell_announce();
	assert_int_equal(atomic_load(&bell_asleep), 1);
	bell_ring();
	assert_int_equal(atomic_load(&bell_asleep), 0);
}

static void
a_ring_between_announcing_and_sleeping_is_not_lost(void **state)
{
	(void)state;
	bell_announce();
	bell_ring();
	/* Without a limit: it would not come back. */
	bell_sleep();
}

static void
a_nap_ends_with_its_time(void **state)
{
	uint64_t before = os_now_ns();

	(void)state;
	bell_nap(10000000);
	assert_true(os_now_ns() - before >= 10000000);
}

static void
a_nap_is_deaf_to_rings(void **state)
{
	uint64_t before = os_now_ns();

	(void)state;
	bell_announce();
	bell_ring();
	bell_nap(10000000);
	assert_true(os_now_ns() - before >= 10000000);
}

/* A day: it would not come back. */
#define LONG_NS (UINT64_C(86400) * 1000000000)

static void
a_dismissal_before_a_nap_is_not_lost(void **state)
{
	(void)state;
	bell_dismiss();
	bell_nap(LONG_NS);
}

static void
a_dismissal_before_a_sleep_is_not_lost(void **state)
{
	(void)state;
	bell_announce();
	bell_dismiss();
	bell_sleep();
	bell_nap(LONG_NS);
}

static void *
nap_long(void *arg)
{
	bell_nap(LONG_NS);
	return arg;
}

static void
a_dismissal_ends_a_nap(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, nap_long, NULL), 0);
	bell_dismiss();
	/* It would not end before the test is given up. */
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static _Atomic unsigned nwoken;

static void *
sleep_ten_times(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		bell_announce();
		bell_sleep();
		atomic_fetch_add(&nwoken, 1);
	}
	return NULL;
}

static void
each_ring_wakes_the_sleeper_once(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, sleep_ten_times, NULL),
			 0);
	for (unsigned i = 0; i < 10; i++) {
		while (atomic_load(&bell_asleep) == 0)
			os_yield();
		assert_int_equal(atomic_load(&nwoken), i);
		bell_ring();
		while (atomic_load(&nwoken) == i)
			os_yield();
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, nobody_sleeps)
	const struct CMUnitTest tests[] = {
		TEST(a_ring_that_nobody_waits_for_changes_nothing),
		TEST(a_ring_takes_the_announcement_back),
		TEST(a_ring_between_announcing_and_sleeping_is_not_lost),
		TEST(a_nap_ends_with_its_time),
		TEST(a_nap_is_deaf_to_rings),
		TEST(a_dismissal_before_a_nap_is_not_lost),
		TEST(a_dismissal_before_a_sleep_is_not_lost),
		TEST(a_dismissal_ends_a_nap),
		TEST(each_ring_wakes_the_sleeper_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

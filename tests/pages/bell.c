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
	bell_sleep(BELL_FOREVER);
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
	bell_sleep(BELL_FOREVER);
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
		bell_sleep(BELL_FOREVER);
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

/* --- the budget ------------------------------------------------------------------ */

void __wrap_os_futex_wake(_Atomic uint32_t *word, int nthreads);
void __real_os_futex_wake(_Atomic uint32_t *word, int nthreads);

static _Atomic unsigned nwakes;

void
__wrap_os_futex_wake(_Atomic uint32_t *word, int nthreads)
{
	atomic_fetch_add(&nwakes, 1);
	__real_os_futex_wake(word, nthreads);
}

static int64_t
budget(void)
{
	return atomic_load(&bell_budget);
}

static int
no_budget(void **state)
{
	bell_allow(BELL_NO_BUDGET);
	atomic_store(&nwakes, 0);
	return nobody_sleeps(state);
}

static void
without_a_budget_nothing_is_counted(void **state)
{
	(void)state;
	assert_true(budget() == BELL_NO_BUDGET);
	bell_spend(1000000);
	bell_warn();
	assert_true(budget() == BELL_NO_BUDGET);
	assert_int_equal(atomic_load(&nwakes), 0);
}

static void
what_is_spent_is_subtracted(void **state)
{
	(void)state;
	bell_allow(1000);
	bell_spend(0);
	bell_spend(1);
	bell_spend(300);
	assert_int_equal(budget(), 699);
	bell_warn();
	assert_int_equal(budget(), 699);
	/* A new one, whatever was left of the last. */
	bell_allow(5);
	assert_int_equal(budget(), 5);
}

static void
a_budget_that_is_used_up_to_the_last_page_wakes_nobody(void **state)
{
	(void)state;
	bell_allow(10);
	bell_spend(10);
	bell_warn();
	assert_int_equal(budget(), 0);
	assert_int_equal(atomic_load(&nwakes), 0);
}

static void
who_overdraws_it_wakes_the_listener_once(void **state)
{
	(void)state;
	bell_allow(10);
	bell_spend(11);
	assert_int_equal(atomic_load(&nwakes), 0);
	bell_warn();
	assert_int_equal(atomic_load(&nwakes), 1);
	/* Until it sets another budget, nobody warns it again. */
	bell_spend(1000);
	bell_warn();
	bell_warn_slow();
	assert_int_equal(atomic_load(&nwakes), 1);
	/* It had no time to sleep. */
	bell_nap(LONG_NS);
}

static void
a_budget_of_nothing_is_overdrawn_by_one_page(void **state)
{
	(void)state;
	bell_allow(0);
	bell_warn();
	assert_int_equal(atomic_load(&nwakes), 0);
	bell_spend(1);
	bell_warn();
	assert_int_equal(atomic_load(&nwakes), 1);
	bell_nap(LONG_NS);
}

static void
a_budget_is_spent_from_its_warning_until_the_next_one(void **state)
{
	(void)state;
	assert_false(bell_is_spent());
	bell_allow(100);
	assert_false(bell_is_spent());
	bell_spend(200);
	/* Somebody is about to warn. */
	assert_false(bell_is_spent());
	bell_warn();
	assert_true(bell_is_spent());
	for (unsigned i = 0; i < 100; i++) {
		bell_spend(1000000);
		bell_warn();
		assert_true(bell_is_spent());
	}
	bell_allow(0);
	assert_false(bell_is_spent());
	bell_allow(BELL_NO_BUDGET);
	assert_false(bell_is_spent());
	bell_nap(LONG_NS);
}

/* It naps, deaf to rings, or sleeps until there is something to give back. */
static void
a_warning_ends_a_nap_and_a_sleep(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, nap_long, NULL), 0);
	bell_allow(1);
	bell_spend(2);
	bell_warn();
	assert_int_equal(pthread_join(thread, NULL), 0);
	bell_announce();
	bell_allow(1);
	bell_spend(2);
	bell_warn();
	bell_sleep(BELL_FOREVER);
	bell_nap(LONG_NS);
}

#define NSPENDERS 4
#define EACH      20000u

static void *
spend(void *arg)
{
	for (unsigned i = 0; i < EACH; i++) {
		bell_spend(1);
		bell_warn();
	}
	return arg;
}

static void
of_many_who_overdraw_it_one_wakes_the_listener(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 20; k++) {
		pthread_t threads[NSPENDERS];

		atomic_store(&nwakes, 0);
		bell_allow(EACH);
		for (unsigned i = 0; i < NSPENDERS; i++)
			assert_int_equal(
				pthread_create(&threads[i], NULL, spend, NULL),
				0);
		for (unsigned i = 0; i < NSPENDERS; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(atomic_load(&nwakes), 1);
		/* Latecomers do not make it a budget that is left. */
		assert_true(bell_is_spent());
	}
	bell_nap(LONG_NS);
}

int
main(void)
{
#define TEST(f)   cmocka_unit_test_setup(f, nobody_sleeps)
#define BUDGET(f) cmocka_unit_test_setup(f, no_budget)
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
		BUDGET(without_a_budget_nothing_is_counted),
		BUDGET(what_is_spent_is_subtracted),
		BUDGET(a_budget_that_is_used_up_to_the_last_page_wakes_nobody),
		BUDGET(who_overdraws_it_wakes_the_listener_once),
		BUDGET(a_budget_is_spent_from_its_warning_until_the_next_one),
		BUDGET(a_budget_of_nothing_is_overdrawn_by_one_page),
		BUDGET(a_warning_ends_a_nap_and_a_sleep),
		BUDGET(of_many_who_overdraw_it_one_wakes_the_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

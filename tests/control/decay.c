/*
 * decay.c -- how far back a purge looks for what will be wanted again.
 *
 * Pure functions: a tick is a call, and the tests say what was purged and what
 * was taken again in each.
 */
#include "control/decay.h"
#include "unit.h"

/* Pages: enough to be no noise. */
#define MUCH ((size_t)10000)

static struct decay d;

static int
begin(void **state)
{
	(void)state;
	memset(&d, 0, sizeof d);
	return 0;
}

/* Ticks without purges or refaults; the window after them. */
static unsigned
rest(unsigned nticks)
{
	unsigned window = d.window;

	while (nticks-- > 0)
		window = decay_tick(&d, 0, 0);
	return window;
}

/* A purge that is chased by its refaults in the next tick. */
static unsigned
chase(void)
{
	decay_tick(&d, MUCH, 0);
	return decay_tick(&d, 0, MUCH);
}

/* --- wider --------------------------------------------------------------------- */

static void
the_first_window_is_the_least(void **state)
{
	(void)state;
	assert_int_equal(decay_tick(&d, 0, 0), DECAY_WINDOW_MIN);
	assert_int_equal(decay_tick(&d, MUCH, 0), DECAY_WINDOW_MIN);
}

static void
refaults_that_chase_a_purge_double_the_window(void **state)
{
	(void)state;
	assert_int_equal(chase(), 2 * DECAY_WINDOW_MIN);
	assert_int_equal(chase(), 4 * DECAY_WINDOW_MIN);
	assert_int_equal(d.nchases, 2);
}

static void
the_window_has_a_greatest_width(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_in_range(chase(), DECAY_WINDOW_MIN, DECAY_WINDOW_MAX);
	assert_int_equal(d.window, DECAY_WINDOW_MAX);
}

static void
a_quarter_of_what_was_purged_is_a_chase_and_less_is_none(void **state)
{
	(void)state;
	decay_tick(&d, MUCH, 0);
	assert_int_equal(decay_tick(&d, 0, MUCH / 4 - 1), DECAY_WINDOW_MIN);
	begin(NULL);
	decay_tick(&d, MUCH, 0);
	assert_int_equal(decay_tick(&d, 0, MUCH / 4), 2 * DECAY_WINDOW_MIN);
}

/* A quarter of all that was purged lately, not of the last tick's. */
static void
purges_of_several_ticks_add_up(void **state)
{
	(void)state;
	decay_tick(&d, MUCH, 0);
	decay_tick(&d, MUCH, 0);
	decay_tick(&d, MUCH, 0);
	decay_tick(&d, MUCH, 0);
	assert_int_equal(decay_tick(&d, 0, MUCH - 1), DECAY_WINDOW_MIN);
	assert_int_equal(decay_tick(&d, 0, MUCH), 2 * DECAY_WINDOW_MIN);
}

/* A load that comes back slowly was wronged as one that comes at once. */
static void
refaults_of_several_ticks_add_up(void **state)
{
	(void)state;
	decay_tick(&d, MUCH, 0);
	assert_int_equal(decay_tick(&d, 0, MUCH / 10), DECAY_WINDOW_MIN);
	assert_int_equal(decay_tick(&d, 0, MUCH / 10), DECAY_WINDOW_MIN);
	assert_int_equal(decay_tick(&d, 0, MUCH / 10), 2 * DECAY_WINDOW_MIN);
	assert_int_equal(d.nchases, 1);
}

/* So much in each of the ticks that a purge answers for, and too little. */
static void
a_trickle_of_refaults_is_no_chase(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(decay_tick(&d, MUCH, MUCH / 5),
				 DECAY_WINDOW_MIN);
}

static void
what_is_forgotten_has_no_refaults(void **state)
{
	(void)state;
	decay_tick(&d, MUCH, 0);
	decay_tick(&d, MUCH, MUCH / 5);
	decay_forget(&d);
	assert_int_equal(decay_tick(&d, 0, MUCH), DECAY_WINDOW_MIN);
	assert_int_equal(chase(), 2 * DECAY_WINDOW_MIN);
}

static void
refaults_of_little_memory_do_not_matter(void **state)
{
	const size_t few = (DECAY_NOISE - 1) / DECAY_RECENT;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(decay_tick(&d, few, few), DECAY_WINDOW_MIN);
	assert_int_equal(d.nchases, 0);
}

static void
refaults_before_the_purge_are_not_its_fault(void **state)
{
	(void)state;
	assert_int_equal(decay_tick(&d, 0, MUCH), DECAY_WINDOW_MIN);
	/* What was taken in the tick that ended with the purge was not, too. */
	assert_int_equal(decay_tick(&d, MUCH, MUCH), DECAY_WINDOW_MIN);
	assert_int_equal(d.nchases, 0);
}

static void
a_purge_answers_for_refaults_for_a_while_and_then_no_more(void **state)
{
	(void)state;
	decay_tick(&d, MUCH, 0);
	rest(DECAY_RECENT - 1);
	assert_int_equal(decay_tick(&d, 0, MUCH), 2 * DECAY_WINDOW_MIN);
	begin(NULL);
	decay_tick(&d, MUCH, 0);
	rest(DECAY_RECENT);
	assert_int_equal(decay_tick(&d, 0, MUCH), DECAY_WINDOW_MIN);
}

/* Memory that is wanted once is counted against one purge. */
static void
what_was_judged_once_is_not_judged_again(void **state)
{
	(void)state;
	chase();
	assert_int_equal(decay_tick(&d, 0, MUCH), 2 * DECAY_WINDOW_MIN);
	assert_int_equal(decay_tick(&d, 0, MUCH), 2 * DECAY_WINDOW_MIN);
	assert_int_equal(d.nchases, 1);
}

/* Load, five seconds of idling, load: giving memory back is right there. */
static void
a_sawtooth_of_five_seconds_does_not_widen_it(void **state)
{
	const unsigned period = 5 * DECAY_TICKS;

	(void)state;
	for (unsigned tooth = 0; tooth < 20; tooth++) {
		assert_int_equal(decay_tick(&d, 0, MUCH), DECAY_WINDOW_MIN);
		rest(3);
		assert_int_equal(decay_tick(&d, MUCH, 0), DECAY_WINDOW_MIN);
		assert_int_equal(rest(period - 5), DECAY_WINDOW_MIN);
	}
	assert_int_equal(d.nchases, 0);
}

/* --- narrower ------------------------------------------------------------------ */

static void
it_narrows_again_when_nothing_was_chased_for_a_while(void **state)
{
	(void)state;
	chase();
	assert_int_equal(rest(DECAY_HOLD_MIN - 1), 2 * DECAY_WINDOW_MIN);
	assert_int_equal(rest(1), DECAY_WINDOW_MIN);
	assert_int_equal(rest(1000), DECAY_WINDOW_MIN);
}

static void
each_new_chase_makes_it_stay_twice_as_long(void **state)
{
	unsigned hold = DECAY_HOLD_MIN;

	(void)state;
	chase();
	for (; hold < DECAY_HOLD_MAX; hold *= 2) {
		assert_int_equal(d.hold, hold);
		assert_int_equal(rest(hold - 1), 2 * DECAY_WINDOW_MIN);
		assert_int_equal(rest(1), DECAY_WINDOW_MIN);
		assert_int_equal(chase(), 2 * DECAY_WINDOW_MIN);
	}
}

static void
there_is_a_longest_stay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		chase();
	assert_int_equal(d.hold, DECAY_HOLD_MAX);
	assert_int_equal(rest(DECAY_HOLD_MAX - 1), DECAY_WINDOW_MAX);
	assert_int_equal(rest(1), DECAY_WINDOW_MAX / 2);
}

/* Old sins are forgotten: a second spell at the least width, without a chase. */
static void
after_a_long_calm_the_stay_is_short_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		chase();
	rest(3 * DECAY_HOLD_MAX);
	assert_int_equal(d.window, DECAY_WINDOW_MIN);
	assert_int_equal(d.hold, DECAY_HOLD_MIN);
	chase();
	assert_int_equal(d.hold, DECAY_HOLD_MIN);
	assert_int_equal(rest(DECAY_HOLD_MIN), DECAY_WINDOW_MIN);
	/* But not by reports. */
	assert_int_equal(d.nchases, 21);
}

static void
a_chase_begins_the_calm_anew(void **state)
{
	(void)state;
	chase();
	rest(DECAY_HOLD_MIN - 2);
	/* The purge's own tick is one of calm. */
	assert_int_equal(chase(), 4 * DECAY_WINDOW_MIN);
	assert_int_equal(d.calm, 0);
	assert_int_equal(rest(d.hold - 1), 4 * DECAY_WINDOW_MIN);
}

/* Whatever happens, and it halves and doubles alone. */
static void
its_bounds_hold_for_every_history(void **state)
{
	uint64_t luck = random_seed();
	unsigned before = DECAY_WINDOW_MIN;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		bool burst = random_below(&luck, 8) == 0;
		unsigned now = decay_tick(
			&d, burst ? random_below(&luck, 1u << 20) : 0,
			burst ? random_below(&luck, 1u << 20) : 0);

		assert_in_range(now, DECAY_WINDOW_MIN, DECAY_WINDOW_MAX);
		assert_in_range(d.hold, DECAY_HOLD_MIN, DECAY_HOLD_MAX);
		assert_true(now == before || now == 2 * before ||
			    now == before / 2);
		before = now;
	}
}

/* The sum over the ring does not overflow. */
static void
the_largest_numbers_do_no_harm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_in_range(
			decay_tick(&d, SIZE_MAX / DECAY_RECENT, SIZE_MAX),
			DECAY_WINDOW_MIN, DECAY_WINDOW_MAX);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
		TEST(the_first_window_is_the_least),
		TEST(refaults_that_chase_a_purge_double_the_window),
		TEST(the_window_has_a_greatest_width),
		TEST(a_quarter_of_what_was_purged_is_a_chase_and_less_is_none),
		TEST(purges_of_several_ticks_add_up),
		TEST(refaults_of_several_ticks_add_up),
		TEST(a_trickle_of_refaults_is_no_chase),
		TEST(what_is_forgotten_has_no_refaults),
		TEST(refaults_of_little_memory_do_not_matter),
		TEST(refaults_before_the_purge_are_not_its_fault),
		TEST(a_purge_answers_for_refaults_for_a_while_and_then_no_more),
		TEST(what_was_judged_once_is_not_judged_again),
		TEST(a_sawtooth_of_five_seconds_does_not_widen_it),
		TEST(it_narrows_again_when_nothing_was_chased_for_a_while),
		TEST(each_new_chase_makes_it_stay_twice_as_long),
		TEST(there_is_a_longest_stay),
		TEST(after_a_long_calm_the_stay_is_short_again),
		TEST(a_chase_begins_the_calm_anew),
		TEST(its_bounds_hold_for_every_history),
		TEST(the_largest_numbers_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

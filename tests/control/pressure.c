/*
 * pressure.c -- is the memory limit near?
 *
 * Pure functions: the tests say what the usage is, how long tasks waited, and
 * what time it is.
 */
#include "control/pressure.h"
#include "pages/bell.h"
#include "unit.h"

/* A group of 1,000 MiB whose threshold is at 900. */
#define LIMIT     (1000 * MIB)
#define THRESHOLD (900 * MIB)
#define GAP       (THRESHOLD / 32)

#define SECOND UINT64_C(1000000000)
#define US     UINT64_C(1000)

static struct pressure p;
static struct os_memory m;
static uint64_t now_ns;

static int
begin(void **state)
{
	(void)state;
	memset(&p, 0, sizeof p);
	m = (struct os_memory){ 0, THRESHOLD, LIMIT };
	now_ns = 1000 * SECOND;
	return 0;
}

/* A look a second after the last, in a group that uses so many bytes. */
static enum pressure_level
look_at(size_t usage)
{
	now_ns += SECOND;
	m.usage = usage;
	return pressure_look(&p, &m, 0, now_ns);
}

/* The same for stalls, far below the threshold: their sum, `ns` later. */
static enum pressure_level
look_at_stalls(uint64_t stall_us, uint64_t ns)
{
	now_ns += ns;
	m.usage = 0;
	return pressure_look(&p, &m, stall_us, now_ns);
}

/* --- by usage -------------------------------------------------------------------- */

static void
it_begins_at_the_threshold(void **state)
{
	(void)state;
	assert_int_equal(look_at(0), PRESSURE_NONE);
	assert_int_equal(look_at(THRESHOLD - 1), PRESSURE_NONE);
	assert_int_equal(p.nevents, 0);
	assert_int_equal(look_at(THRESHOLD), PRESSURE_HIGH);
	assert_int_equal(p.nevents, 1);
}

static void
it_ends_below_a_gap_and_not_above_it(void **state)
{
	(void)state;
	look_at(THRESHOLD);
	assert_int_equal(look_at(THRESHOLD - 1), PRESSURE_HIGH);
	assert_int_equal(look_at(THRESHOLD - GAP), PRESSURE_HIGH);
	assert_int_equal(look_at(THRESHOLD - GAP - 1), PRESSURE_NONE);
	/* And above the gap it does not begin again. */
	assert_int_equal(look_at(THRESHOLD - 1), PRESSURE_NONE);
	assert_int_equal(p.nevents, 1);
}

static void
a_load_at_the_threshold_does_not_switch_it_on_and_off(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		look_at(i % 2 ? THRESHOLD + MIB : THRESHOLD - MIB);
	assert_int_equal(p.nevents, 1);
	assert_int_equal(p.level, PRESSURE_HIGH);
}

static void
halfway_from_the_threshold_to_the_limit_it_is_critical(void **state)
{
	const size_t halfway = THRESHOLD + (LIMIT - THRESHOLD) / 2;

	(void)state;
	assert_int_equal(look_at(halfway - 1), PRESSURE_HIGH);
	assert_int_equal(look_at(halfway), PRESSURE_CRITICAL);
	assert_int_equal(look_at(LIMIT + MIB), PRESSURE_CRITICAL);
	assert_int_equal(look_at(halfway - 1), PRESSURE_HIGH);
	/* One pressure, whatever its levels. */
	assert_int_equal(p.nevents, 1);
}

/* memory.high alone: the kernel slows the process down, it kills nobody. */
static void
without_a_hard_limit_nothing_is_critical(void **state)
{
	(void)state;
	m.limit = SIZE_MAX;
	assert_int_equal(look_at(100 * LIMIT), PRESSURE_HIGH);
}

/* pressure_percent:100 */
static void
a_threshold_at_the_limit_itself_is_high(void **state)
{
	(void)state;
	m.threshold = LIMIT;
	assert_int_equal(look_at(LIMIT - 1), PRESSURE_NONE);
	assert_int_equal(look_at(LIMIT), PRESSURE_HIGH);
}

static void
a_limit_that_is_lowered_begins_it_and_one_that_is_raised_ends_it(void **state)
{
	(void)state;
	assert_int_equal(look_at(500 * MIB), PRESSURE_NONE);
	m.threshold = 450 * MIB;
	m.limit = 550 * MIB;
	assert_int_equal(look_at(500 * MIB), PRESSURE_CRITICAL);
	m.threshold = THRESHOLD;
	m.limit = LIMIT;
	assert_int_equal(look_at(500 * MIB), PRESSURE_NONE);
}

static void
a_limit_that_is_gone_ends_it(void **state)
{
	(void)state;
	look_at(LIMIT);
	now_ns += SECOND;
	assert_int_equal(pressure_look(&p, NULL, 0, now_ns), PRESSURE_NONE);
	assert_int_equal(p.ended_ns, now_ns);
}

static void
a_limit_of_nothing_is_always_near(void **state)
{
	(void)state;
	m.threshold = m.limit = 0;
	assert_int_equal(look_at(0), PRESSURE_HIGH);
	assert_int_equal(look_at(SIZE_MAX / 2), PRESSURE_HIGH);
}

/* --- by stalls ------------------------------------------------------------------- */

static void
waiting_for_a_tenth_of_the_time_begins_it_and_for_less_does_not(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	assert_int_equal(look_at_stalls(99999, SECOND), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(199999, SECOND), PRESSURE_HIGH);
	assert_int_equal(p.nevents, 1);
	assert_int_equal(p.nstalls, 1);
}

static void
when_nobody_waits_any_more_it_is_over(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	look_at_stalls(500000, SECOND);
	assert_int_equal(look_at_stalls(1000000, SECOND), PRESSURE_HIGH);
	assert_int_equal(look_at_stalls(1000000, SECOND), PRESSURE_NONE);
	assert_int_equal(p.nevents, 1);
	assert_int_equal(p.nstalls, 1);
}

/* The counter is as old as the group: its first value says nothing. */
static void
the_first_look_knows_no_stalls(void **state)
{
	(void)state;
	assert_int_equal(look_at_stalls(UINT64_MAX / 2, SECOND), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(UINT64_MAX / 2, SECOND), PRESSURE_NONE);
}

static void
without_a_limit_the_machines_stalls_are_none_of_ours(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 10; i++) {
		now_ns += SECOND;
		assert_int_equal(pressure_look(&p, NULL, i * 1000000, now_ns),
				 PRESSURE_NONE);
	}
	assert_int_equal(p.nevents, 0);
}

/* Another group's counter, or one that was reset. */
static void
a_counter_that_falls_is_no_stall(void **state)
{
	(void)state;
	look_at_stalls(5000000, SECOND);
	assert_int_equal(look_at_stalls(100, SECOND), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(200, SECOND), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(200000, SECOND), PRESSURE_HIGH);
}

static void
looks_in_short_order_add_up_to_one_that_tells(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	for (uint64_t i = 1; i < 20; i++)
		assert_int_equal(look_at_stalls(i * 500, 1000 * US),
				 PRESSURE_NONE);
	assert_int_equal(look_at_stalls(10000, 1000 * US), PRESSURE_HIGH);
}

static void
a_look_that_is_too_short_to_tell_leaves_it_as_it_was(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	assert_int_equal(look_at_stalls(5000, 5000 * US), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(500000, SECOND), PRESSURE_HIGH);
	assert_int_equal(look_at_stalls(500000, 5000 * US), PRESSURE_HIGH);
	assert_int_equal(look_at_stalls(503000, 5000 * US), PRESSURE_HIGH);
	assert_int_equal(p.nevents, 1);
	assert_int_equal(look_at_stalls(503000, SECOND), PRESSURE_NONE);
}

/* Usage keeps it up as it would without them. */
static void
stalls_and_usage_are_one_pressure(void **state)
{
	(void)state;
	look_at(THRESHOLD);
	assert_int_equal(p.nstalls, 0);
	assert_int_equal(look_at_stalls(900000, SECOND), PRESSURE_HIGH);
	assert_int_equal(p.nevents, 1);
	assert_int_equal(p.nstalls, 0);
}

/* --- what is said of it ------------------------------------------------------------ */

static void
the_last_one_stays_readable_after_its_end(void **state)
{
	uint64_t begun_ns, ended_ns;

	(void)state;
	look_at(THRESHOLD + 5 * MIB);
	begun_ns = now_ns;
	look_at(THRESHOLD + 50 * MIB);
	look_at(100 * MIB);
	ended_ns = now_ns;
	look_at(0);
	assert_int_equal(p.begun_ns, begun_ns);
	assert_int_equal(p.ended_ns, ended_ns);
	assert_int_equal(p.total_ns, ended_ns - begun_ns);
	assert_int_equal(p.usage, THRESHOLD + 5 * MIB);
	assert_int_equal(p.limit, LIMIT);
}

static void
the_times_of_all_add_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		look_at(THRESHOLD);
		look_at(THRESHOLD);
		look_at(0);
	}
	assert_int_equal(p.nevents, 5);
	assert_int_equal(p.total_ns, 5 * 2 * SECOND);
}

static void
what_was_given_counts_for_the_last_and_for_all(void **state)
{
	(void)state;
	look_at(THRESHOLD);
	pressure_gave(&p, 3 * MIB);
	pressure_gave(&p, 4 * MIB);
	assert_int_equal(p.given_last, 7 * MIB);
	look_at(0);
	assert_int_equal(p.given_last, 7 * MIB);
	look_at(THRESHOLD);
	assert_int_equal(p.given_last, 0);
	pressure_gave(&p, MIB);
	assert_int_equal(p.given_last, MIB);
	assert_int_equal(p.given, 8 * MIB);
}

/* --- the budget -------------------------------------------------------------------- */

static int64_t
budget_at(size_t usage)
{
	look_at(usage);
	return pressure_budget(&p, &m);
}

static void
without_a_limit_there_is_no_budget(void **state)
{
	(void)state;
	assert_int_equal(pressure_budget(&p, NULL), BELL_NO_BUDGET);
}

static void
it_is_half_of_the_way_to_the_threshold(void **state)
{
	(void)state;
	assert_int_equal(budget_at(THRESHOLD - 100 * MIB),
			 50 * MIB / PAGE_BYTES);
	assert_int_equal(budget_at(0), THRESHOLD / 2 / PAGE_BYTES);
}

static void
under_pressure_it_is_half_of_the_way_to_the_limit(void **state)
{
	(void)state;
	assert_int_equal(budget_at(LIMIT - 20 * MIB), 10 * MIB / PAGE_BYTES);
}

/* Else a process at its limit would be woken for every page. */
static void
it_is_a_mebibyte_at_least(void **state)
{
	(void)state;
	assert_int_equal(budget_at(THRESHOLD - PAGE_BYTES), MIB / PAGE_BYTES);
	assert_int_equal(budget_at(LIMIT), MIB / PAGE_BYTES);
	assert_int_equal(budget_at(2 * LIMIT), MIB / PAGE_BYTES);
	m.limit = SIZE_MAX;
	assert_int_equal(budget_at(2 * LIMIT), MIB / PAGE_BYTES);
}

/* --- a clock that jumps ------------------------------------------------------------ */

static void
after_the_clock_went_back_looks_tell_of_stalls_as_before(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	assert_int_equal(look_at_stalls(200000, SECOND), PRESSURE_HIGH);
	now_ns -= 900 * SECOND;
	/* By the new clock it is the first one. */
	assert_int_equal(look_at_stalls(300000, 0), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(300000, SECOND), PRESSURE_NONE);
	assert_int_equal(look_at_stalls(500000, SECOND), PRESSURE_HIGH);
}

static void
no_time_is_counted_for_pressure_that_ended_before_it_began(void **state)
{
	(void)state;
	look_at(LIMIT);
	now_ns -= 900 * SECOND;
	assert_int_equal(look_at(LIMIT), PRESSURE_CRITICAL);
	assert_int_equal(look_at(0), PRESSURE_NONE);
	assert_int_equal(p.total_ns, 0);
	look_at(LIMIT);
	look_at(0);
	assert_int_equal(p.total_ns, SECOND);
}

static void
a_leap_ahead_is_no_stall(void **state)
{
	(void)state;
	look_at_stalls(0, SECOND);
	assert_int_equal(look_at_stalls(200000, 7200 * SECOND), PRESSURE_NONE);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
		TEST(it_begins_at_the_threshold),
		TEST(it_ends_below_a_gap_and_not_above_it),
		TEST(a_load_at_the_threshold_does_not_switch_it_on_and_off),
		TEST(halfway_from_the_threshold_to_the_limit_it_is_critical),
		TEST(without_a_hard_limit_nothing_is_critical),
		TEST(a_threshold_at_the_limit_itself_is_high),
		TEST(a_limit_that_is_lowered_begins_it_and_one_that_is_raised_ends_it),
		TEST(a_limit_that_is_gone_ends_it),
		TEST(a_limit_of_nothing_is_always_near),
		TEST(waiting_for_a_tenth_of_the_time_begins_it_and_for_less_does_not),
		TEST(when_nobody_waits_any_more_it_is_over),
		TEST(the_first_look_knows_no_stalls),
		TEST(without_a_limit_the_machines_stalls_are_none_of_ours),
		TEST(a_counter_that_falls_is_no_stall),
		TEST(looks_in_short_order_add_up_to_one_that_tells),
		TEST(a_look_that_is_too_short_to_tell_leaves_it_as_it_was),
		TEST(stalls_and_usage_are_one_pressure),
		TEST(the_last_one_stays_readable_after_its_end),
		TEST(the_times_of_all_add_up),
		TEST(what_was_given_counts_for_the_last_and_for_all),
		TEST(without_a_limit_there_is_no_budget),
		TEST(it_is_half_of_the_way_to_the_threshold),
		TEST(under_pressure_it_is_half_of_the_way_to_the_limit),
		TEST(it_is_a_mebibyte_at_least),
		TEST(after_the_clock_went_back_looks_tell_of_stalls_as_before),
		TEST(no_time_is_counted_for_pressure_that_ended_before_it_began),
		TEST(a_leap_ahead_is_no_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

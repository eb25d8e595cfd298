/*
 * dump.c -- when a dump is due: by what the clock shows, wherever it jumps.
 */
#include "base/options.h"
#include "control/dump.h"
#include "control/report.h"
#include "os/os.h"
#include "os/output.h"
#include "unit.h"

#define HOUR (3600 * NS_PER_S)

uint64_t __wrap_os_now_ns(void);
size_t __wrap_output_stderr(const char *buf, size_t len);

static uint64_t now_ns;
static unsigned ndumps;

uint64_t
__wrap_os_now_ns(void)
{
	return now_ns;
}

size_t
__wrap_output_stderr(const char *buf, size_t len)
{
	(void)buf;
	ndumps++;
	return len;
}

static unsigned
dumps_at(uint64_t ns)
{
	unsigned before = ndumps;

	now_ns = ns;
	dump_serve();
	return ndumps - before;
}

/* One is written every ten seconds, the first at ten hours and ten seconds. */
static void
begin_at_ten_hours(void)
{
	now_ns = 10 * HOUR;
	assert_true(options_set("stats_interval", 10));
	dump_begin();
	assert_int_equal(dump_wait_ns(), 10 * NS_PER_S);
}

static void
by_an_interval_one_is_written_each_time(void)
{
	begin_at_ten_hours();
	assert_int_equal(dumps_at(10 * HOUR + 9 * NS_PER_S), 0);
	assert_int_equal(dumps_at(10 * HOUR + 10 * NS_PER_S), 1);
	assert_int_equal(dump_wait_ns(), 10 * NS_PER_S);
	assert_int_equal(dumps_at(10 * HOUR + 11 * NS_PER_S), 0);
}

static void
after_the_clock_went_back_the_interval_goes_on_by_it(void)
{
	begin_at_ten_hours();
	now_ns = HOUR;
	assert_int_equal(dump_wait_ns(), 1);
	assert_int_equal(dumps_at(HOUR), 1);
	assert_int_equal(dump_wait_ns(), 10 * NS_PER_S);
	assert_int_equal(dumps_at(HOUR + 9 * NS_PER_S), 0);
	assert_int_equal(dumps_at(HOUR + 10 * NS_PER_S), 1);
}

static void
after_a_leap_ahead_one_is_written_and_none_is_made_up_for(void)
{
	begin_at_ten_hours();
	assert_int_equal(dumps_at(90 * HOUR), 1);
	assert_int_equal(dumps_at(90 * HOUR + 9 * NS_PER_S), 0);
	assert_int_equal(dump_wait_ns(), NS_PER_S);
}

static void
the_pause_between_two_is_kept_and_no_more_by_any_clock(void)
{
	now_ns = 10 * HOUR;
	assert_int_equal(dump_wait_ns(), DUMP_NEVER);
	dump_ask();
	assert_int_equal(dump_wait_ns(), 1);
	assert_int_equal(dumps_at(10 * HOUR), 1);
	dump_ask();
	assert_int_equal(dump_wait_ns(), DUMP_PAUSE_NS);
	assert_int_equal(dumps_at(10 * HOUR + DUMP_PAUSE_NS - 1), 0);
	assert_int_equal(dumps_at(HOUR), 1);
	assert_int_equal(dump_wait_ns(), DUMP_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(by_an_interval_one_is_written_each_time),
		alone(after_the_clock_went_back_the_interval_goes_on_by_it),
		alone(after_a_leap_ahead_one_is_written_and_none_is_made_up_for),
		alone(the_pause_between_two_is_kept_and_no_more_by_any_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

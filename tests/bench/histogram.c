/*
 * histogram.c -- the buckets that the time of single calls is counted in.
 */
#include "../../bench/rss/histogram.h"
#include "unit.h"

/* The last of a bucket's values: that of the only value counted. */
static uint64_t
last_beside(uint64_t ticks)
{
	static struct histogram one;

	memset(&one, 0, sizeof(one));
	histogram_add(&one, ticks);
	return histogram_quantile(&one, 1);
}

static void
a_bucket_is_no_wider_than_a_32nd_of_its_times(void **state)
{
	(void)state;
	for (uint32_t shift = 0; shift < 64; shift++) {
		for (uint64_t more = 0; more < 100; more++) {
			uint64_t ticks = (1ULL << shift) + more;
			uint64_t last = last_beside(ticks);

			assert_true(last >= ticks);
			assert_true(last - ticks <= ticks / 32);
		}
	}
}

static void
longer_times_lie_in_later_buckets(void **state)
{
	(void)state;
	for (uint64_t ticks = 0; ticks < 100000; ticks++) {
		uint32_t step = histogram_bucket(ticks + 1) -
				histogram_bucket(ticks);

		assert_true(step <= 1);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_NBUCKETS - 1);
}

static void
times_below_32_ticks_are_exact(void **state)
{
	(void)state;
	for (uint64_t ticks = 0; ticks < 32; ticks++)
		assert_int_equal(last_beside(ticks), ticks);
}

static void
a_quantile_is_what_its_part_of_the_times_does_not_exceed(void **state)
{
	static struct histogram all;

	(void)state;
	for (uint64_t ticks = 1; ticks <= 1000; ticks++)
		histogram_add(&all, ticks);
	assert_in_range(histogram_quantile(&all, 0.5), 500, 516);
	assert_in_range(histogram_quantile(&all, 0.99), 990, 1023);
	assert_int_equal(all.most, 1000);
}

static void
one_long_time_in_ten_thousand_shows_in_the_most_alone(void **state)
{
	static struct histogram all;

	(void)state;
	for (int i = 0; i < 9999; i++)
		histogram_add(&all, 10);
	histogram_add(&all, 1000000);
	assert_int_equal(histogram_quantile(&all, 0.999), 10);
	assert_int_equal(all.most, 1000000);
}

static void
merged_histograms_are_as_one(void **state)
{
	static struct histogram one, other;

	(void)state;
	for (int i = 0; i < 10; i++)
		histogram_add(&one, 5);
	for (int i = 0; i < 30; i++)
		histogram_add(&other, 20);
	histogram_merge(&one, &other);
	assert_int_equal(one.ncounts, 40);
	assert_int_equal(histogram_quantile(&one, 0.25), 5);
	assert_int_equal(histogram_quantile(&one, 0.26), 20);
	assert_int_equal(one.most, 20);
}

static void
nothing_counted_has_no_quantile(void **state)
{
	static struct histogram none;

	(void)state;
	assert_int_equal(histogram_quantile(&none, 0.99), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_is_no_wider_than_a_32nd_of_its_times),
		cmocka_unit_test(longer_times_lie_in_later_buckets),
		cmocka_unit_test(times_below_32_ticks_are_exact),
		cmocka_unit_test(
			a_quantile_is_what_its_part_of_the_times_does_not_exceed),
		cmocka_unit_test(
			one_long_time_in_ten_thousand_shows_in_the_most_alone),
		cmocka_unit_test(merged_histograms_are_as_one),
		cmocka_unit_test(nothing_counted_has_no_quantile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * pattern.c -- %p, %n and %t in paths.
 */
#include "base/pattern.h"
#include "unit.h"

static const char *
expand(const char *pattern, int pid, uint64_t n, uint64_t time_ms)
{
	static char buf[256];
	struct pattern values = { pid, n, time_ms };
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	pattern_expand(&t, pattern, &values);
	buf[t.len] = '\0';
	return buf;
}

static void
each_letter_has_its_value(void **state)
{
	(void)state;
	assert_string_equal(expand("/tmp/%p.%n", 42, 7, 0), "/tmp/42.7");
	assert_string_equal(expand("%p%p%n", 1, 2, 0), "112");
	assert_string_equal(expand("%n", 1, UINT64_MAX, 0),
			    "18446744073709551615");
}

static void
what_is_no_letter_stays_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(expand("", 1, 2, 3), "");
	assert_string_equal(expand("a%", 1, 2, 3), "a%");
	assert_string_equal(expand("%", 1, 2, 3), "%");
	assert_string_equal(expand("100%%", 1, 2, 3), "100%");
	assert_string_equal(expand("%%p", 1, 2, 3), "%p");
	assert_string_equal(expand("%%%p", 1, 2, 3), "%1");
	assert_string_equal(expand("%x%P", 1, 2, 3), "%x%P");
	assert_string_equal(expand("%x%p", 1, 2, 3), "%x1");
}

static void
a_time_is_written_out(void **state)
{
	(void)state;
	assert_string_equal(expand("%t", 1, 2, 0), "19700101T000000.000Z");
	assert_string_equal(expand("%t", 1, 2, 951782399999),
			    "20000228T235959.999Z");
	assert_string_equal(expand("%t", 1, 2, 951782400000),
			    "20000229T000000.000Z");
	assert_string_equal(expand("%t", 1, 2, 4107542400000),
			    "21000301T000000.000Z");
}

/* A day in each week of four hundred years. */
static void
its_date_is_the_c_library_s(void **state)
{
	(void)state;
	for (uint64_t s = 1; s < UINT64_C(400) * 366 * 86400; s += 604801) {
		time_t t = (time_t)s;
		struct tm tm;
		char want[32];

		assert_non_null(gmtime_r(&t, &tm));
		strftime(want, sizeof want, "%Y%m%dT%H%M%S.007Z", &tm);
		assert_string_equal(expand("%t", 1, 2, s * 1000 + 7), want);
	}
}

static void
a_path_that_is_too_long_is_known_to_be(void **state)
{
	struct pattern values = { 12345, 1, 0 };
	char buf[8];
	struct text t;

	(void)state;
	text_init(&t, buf, sizeof buf);
	pattern_expand(&t, "/tmp/%p", &values);
	assert_true(t.lost);
	assert_int_equal(t.len, sizeof buf);
}

static void
a_letter_is_in_a_pattern_or_is_not(void **state)
{
	(void)state;
	assert_true(pattern_has("%p", 'p'));
	assert_true(pattern_has("a%n%p", 'p'));
	assert_true(pattern_has("%%%p", 'p'));
	assert_false(pattern_has("%%p", 'p'));
	assert_false(pattern_has("%n", 'p'));
	assert_false(pattern_has("p%", 'p'));
	assert_false(pattern_has("", 'p'));
	assert_false(pattern_has("%", 'p'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_letter_has_its_value),
		cmocka_unit_test(what_is_no_letter_stays_as_it_is),
		cmocka_unit_test(a_time_is_written_out),
		cmocka_unit_test(its_date_is_the_c_library_s),
		cmocka_unit_test(a_path_that_is_too_long_is_known_to_be),
		cmocka_unit_test(a_letter_is_in_a_pattern_or_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * json.c -- JSON, written as it comes.
 */
#include "base/json.h"
#include "unit.h"

static char buf[4096];
static struct text t;
static struct json j;

static int
begin(void **state)
{
	(void)state;
	text_init(&t, buf, sizeof buf - 1);
	json_init(&j, &t);
	return 0;
}

static void
expect_json(const char *expected)
{
	buf[t.len] = '\0';
	assert_string_equal(buf, expected);
}

static void
an_empty_object_and_an_empty_array_are_two_brackets(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_end(&j);
	expect_json("{}\n");
	begin(NULL);
	json_array(&j, NULL);
	json_end(&j);
	expect_json("[]\n");
}

static void
members_have_commas_between_them_and_keys(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_uint(&j, "a", 1);
	json_int(&j, "b", -2);
	json_bool(&j, "c", true);
	json_bool(&j, "d", false);
	json_string(&j, "e", "x");
	json_end(&j);
	expect_json("{\n\"a\":1,\n\"b\":-2,\n\"c\":true,\n\"d\":false,\n"
		    "\"e\":\"x\"}\n");
}

static void
numbers_are_whole_up_to_the_largest(void **state)
{
	(void)state;
	json_array(&j, NULL);
	json_uint(&j, NULL, UINT64_MAX);
	json_int(&j, NULL, INT64_MIN);
	json_int(&j, NULL, INT64_MAX);
	json_uint(&j, NULL, 0);
	json_end(&j);
	expect_json("[\n18446744073709551615,\n-9223372036854775808,\n"
		    "9223372036854775807,\n0]\n");
}

static void
objects_and_arrays_lie_within_each_other(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_array(&j, "a");
	json_object(&j, NULL);
	json_uint(&j, "x", 1);
	json_object(&j, "in");
	json_uint(&j, "y", 2);
	json_uint(&j, "z", 3);
	json_end(&j);
	json_end(&j);
	json_object(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_uint(&j, "b", 4);
	json_end(&j);
	expect_json("{\n\"a\":[\n{\"x\":1,\"in\":{\"y\":2,\"z\":3}},\n{}],\n"
		    "\"b\":4}\n");
}

static void
it_goes_as_deep_as_is_allowed(void **state)
{
	(void)state;
	for (unsigned i = 1; i < JSON_DEPTH_MAX; i++) {
		json_array(&j, NULL);
		json_uint(&j, NULL, i);
	}
	for (unsigned i = 1; i < JSON_DEPTH_MAX; i++)
		json_end(&j);
	assert_int_equal(j.depth, 0);
	assert_memory_equal(buf + t.len - 5, "]]]]\n", 5);
}

static void
expect_escaped(const char *s, const char *expected)
{
	begin(NULL);
	json_string(&j, NULL, s);
	expect_json(expected);
}

static void
strings_are_escaped(void **state)
{
	(void)state;
	expect_escaped("", "\"\"");
	expect_escaped("C2 CompilerThre", "\"C2 CompilerThre\"");
	expect_escaped("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	expect_escaped("\n\t\x01\x1f\x7f",
		       "\"\\u000a\\u0009\\u0001\\u001f\\u007f\"");
}

static void
utf_8_stays_as_it_is(void **state)
{
	(void)state;
	expect_escaped("z\xc3\xa4h \xe2\x82\xac \xf0\x9f\x98\x80",
		       "\"z\xc3\xa4h \xe2\x82\xac \xf0\x9f\x98\x80\"");
	expect_escaped("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
		       "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		       "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
		       "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
}

#define FFFD "\xef\xbf\xbd"

static void
what_is_no_utf_8_becomes_the_replacement_character(void **state)
{
	(void)state;
	expect_escaped("a\x80z", "\"a" FFFD "z\"");
	expect_escaped("\xff\xfe", "\"" FFFD FFFD "\"");
	/* Cut off in the middle, as the kernel cuts names. */
	expect_escaped("ab\xe2\x82", "\"ab" FFFD FFFD "\"");
	expect_escaped("\xf0\x9f\x98", "\"" FFFD FFFD FFFD "\"");
	/* Too long forms, half of a pair, beyond the last. */
	expect_escaped("\xc0\x80", "\"" FFFD FFFD "\"");
	expect_escaped("\xe0\x9f\xbf", "\"" FFFD FFFD FFFD "\"");
	expect_escaped("\xed\xa0\x80", "\"" FFFD FFFD FFFD "\"");
	expect_escaped("\xf0\x8f\xbf\xbf", "\"" FFFD FFFD FFFD FFFD "\"");
	expect_escaped("\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\"");
}

static void
keys_are_escaped_too(void **state)
{
	(void)state;
	json_object(&j, NULL);
	json_uint(&j, "a\"b", 1);
	json_end(&j);
	expect_json("{\n\"a\\\"b\":1}\n");
}

static void
what_does_not_fit_is_lost_and_the_text_says_so(void **state)
{
	(void)state;
	text_init(&t, buf, 8);
	json_object(&j, NULL);
	json_string(&j, "key", "value");
	json_end(&j);
	assert_true(t.lost);
	assert_int_equal(t.len, 8);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_object_and_an_empty_array_are_two_brackets),
		TEST(members_have_commas_between_them_and_keys),
		TEST(numbers_are_whole_up_to_the_largest),
		TEST(objects_and_arrays_lie_within_each_other),
		TEST(it_goes_as_deep_as_is_allowed),
		TEST(strings_are_escaped),
		TEST(utf_8_stays_as_it_is),
		TEST(what_is_no_utf_8_becomes_the_replacement_character),
		TEST(keys_are_escaped_too),
		TEST(what_does_not_fit_is_lost_and_the_text_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

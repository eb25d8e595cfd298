/*
 * text.c -- sentences without malloc, stdio or locale.
 */
#include <fcntl.h>
#include <pthread.h>

#include "base/text.h"
#include "unit.h"

static char buf[256];
static struct text t;

static int
begin(void **state)
{
	(void)state;
	memset(buf, '#', sizeof buf);
	text_init(&t, buf, sizeof buf);
	return 0;
}

static void
expect_text(const char *expected)
{
	assert_int_equal(t.len, strlen(expected));
	assert_memory_equal(buf, expected, t.len);
	/* Not a byte behind it. */
	assert_int_equal(buf[t.len], '#');
}

static void
a_new_text_says_nothing(void **state)
{
	(void)state;
	expect_text("");
	assert_false(t.lost);
}

static void
what_is_said_stands_in_order(void **state)
{
	(void)state;
	text_str(&t, "one");
	text_mem(&t, ", two...", 5);
	text_str(&t, "");
	text_str(&t, ", three");
	expect_text("one, two, three");
}

static void
numbers_are_decimal_without_leading_zeros(void **state)
{
	(void)state;
	text_uint(&t, 0);
	text_str(&t, " ");
	text_uint(&t, 1000000);
	text_str(&t, " ");
	text_uint(&t, UINT64_MAX);
	expect_text("0 1000000 18446744073709551615");
}

static void
signed_numbers_reach_from_end_to_end(void **state)
{
	(void)state;
	text_int(&t, INT64_MIN);
	text_str(&t, " ");
	text_int(&t, -1);
	text_str(&t, " ");
	text_int(&t, INT64_MAX);
	expect_text("-9223372036854775808 -1 9223372036854775807");
}

static void
addresses_are_hexadecimal(void **state)
{
	(void)state;
	text_hex(&t, 0);
	text_str(&t, " ");
	text_hex(&t, UINT64_C(0x7f00deadbeef));
	text_str(&t, " ");
	text_hex(&t, UINT64_MAX);
	expect_text("0x0 0x7f00deadbeef 0xffffffffffffffff");
}

static void
a_padded_number_is_right_aligned(void **state)
{
	(void)state;
	text_uint_padded(&t, 42, 6);
	expect_text("    42");
}

static void
a_number_wider_than_its_column_is_whole(void **state)
{
	(void)state;
	text_uint_padded(&t, 123456, 3);
	expect_text("123456");
}

static void
a_column_wider_than_any_number_is_bounded(void **state)
{
	(void)state;
	text_uint_padded(&t, 7, 1000);
	assert_int_equal(t.len, 64);
	assert_int_equal(buf[63], '7');
}

static void
what_does_not_fit_is_dropped_and_noted(void **state)
{
	(void)state;
	text_init(&t, buf, 5);
	text_str(&t, "12345");
	assert_false(t.lost);
	text_str(&t, "6");
	assert_true(t.lost);
	expect_text("12345");
}

static void
a_word_is_cut_where_the_room_ends(void **state)
{
	(void)state;
	text_init(&t, buf, 5);
	text_str(&t, "abc");
	text_uint(&t, 12345);
	assert_true(t.lost);
	expect_text("abc12");
}

static void
writing_says_it_once_and_empties_the_text(void **state)
{
	char read_back[16];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	text_str(&t, "hello");
	text_write(&t, fds[1]);
	assert_int_equal(t.len, 0);
	text_write(&t, fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], read_back, sizeof read_back), 5);
	assert_memory_equal(read_back, "hello", 5);
	close(fds[0]);
}

/* A pipe takes 64 KiB and then nothing more. */
static void
a_reader_that_does_not_read_keeps_nobody(void **state)
{
	static char much[256 * 1024];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	text_init(&t, much, sizeof much);
	while (!t.lost)
		text_str(&t, "0123456789");
	text_write(&t, fds[1]);
	assert_int_equal(t.len, 0);
	close(fds[0]);
	close(fds[1]);
}

static int filled_fds[2];

static void *
read_later(void *into)
{
	struct timespec pause = { 0, 100 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	while (read(filled_fds[0], into, 4096) > 0)
		;
	return NULL;
}

/* A file that does not block, and whose reader is late: nothing is lost. */
static void
a_reader_that_is_late_gets_all_of_it(void **state)
{
	static char much[128 * 1024], into[4096];
	size_t npassed = 0;
	pthread_t reader;

	(void)state;
	assert_int_equal(pipe(filled_fds), 0);
	assert_int_equal(fcntl(filled_fds[1], F_SETFL, O_NONBLOCK), 0);
	while (write(filled_fds[1], much, 4096) > 0)
		npassed += 4096;
	assert_true(npassed > 0);
	text_str(&t, "hello");
	assert_int_equal(pthread_create(&reader, NULL, read_later, into), 0);
	text_write(&t, filled_fds[1]);
	close(filled_fds[1]);
	pthread_join(reader, NULL);
	assert_memory_equal(into, "hello", 5);
	close(filled_fds[0]);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
		TEST(a_new_text_says_nothing),
		TEST(what_is_said_stands_in_order),
		TEST(numbers_are_decimal_without_leading_zeros),
		TEST(signed_numbers_reach_from_end_to_end),
		TEST(addresses_are_hexadecimal),
		TEST(a_padded_number_is_right_aligned),
		TEST(a_number_wider_than_its_column_is_whole),
		TEST(a_column_wider_than_any_number_is_bounded),
		TEST(what_does_not_fit_is_dropped_and_noted),
		TEST(a_word_is_cut_where_the_room_ends),
		TEST(writing_says_it_once_and_empties_the_text),
		TEST(a_reader_that_does_not_read_keeps_nobody),
		TEST(a_reader_that_is_late_gets_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

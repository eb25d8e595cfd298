/*
 * file.c -- the small text files of /proc and /sys.
 *
 * syscall() is wrapped at link time: a test may have calls interrupted and
 * reads come in small pieces.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "os/file.h"
#include "os/tree.h"

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* Every second call is interrupted. */
static bool is_interrupted;
static unsigned ncalls, ninterrupted;

/* The most that one read gives; 0: no limit. */
static long piece_bytes;

long
__wrap_syscall(long number, ...)
{
	long arg[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < COUNT_OF(arg); i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (is_interrupted && number != SYS_close && ncalls++ % 2 == 0) {
		ninterrupted++;
		errno = EINTR;
		return -1;
	}
	if (number == SYS_read && piece_bytes > 0 && arg[2] > piece_bytes)
		arg[2] = piece_bytes;
	return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4],
			      arg[5]);
}

/* --- numbers --------------------------------------------------------------- */

static void
assert_number(const char *text, uint64_t expected)
{
	uint64_t n = 12345;

	assert_true(number_parse(text, &n));
	assert_true(n == expected);
}

static void
numbers_end_with_a_space_a_line_or_the_text(void **state)
{
	(void)state;
	assert_number("0", 0);
	assert_number("7\n", 7);
	assert_number("42 100000\n", 42);
	assert_number("0009", 9);
	assert_number("9223372036854771712\n", UINT64_C(9223372036854771712));
}

static void
numbers_too_large_are_the_largest(void **state)
{
	(void)state;
	assert_number("18446744073709551614", UINT64_MAX - 1);
	assert_number("18446744073709551615", UINT64_MAX);
	assert_number("18446744073709551616", UINT64_MAX);
	assert_number("99999999999999999999999999999999999999\n", UINT64_MAX);
}

static void
what_is_no_number_changes_nothing(void **state)
{
	static const char *const texts[] = { "",     "\n",   " 1", "max\n",
					     "-1\n", "12x ", "+1", "1.5" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		uint64_t n = 12345;

		assert_false(number_parse(texts[i], &n));
		assert_int_equal(n, 12345);
	}
}

/* --- whole files ----------------------------------------------------------- */

static void
a_file_is_read_and_terminated(void **state)
{
	char buf[16] = "xxxxxxxxxxxxxxx";

	(void)state;
	tree_put("/a/b/file", "hello\n");
	assert_true(file_read("/a/b/file", buf, sizeof buf));
	assert_string_equal(buf, "hello\n");
}

static void
what_does_not_fit_is_cut_off(void **state)
{
	char buf[8];

	(void)state;
	tree_put("/file", "0123456789");
	assert_true(file_read("/file", buf, sizeof buf));
	assert_string_equal(buf, "0123456");
}

static void
files_absent_or_empty_or_folders_are_not_read(void **state)
{
	char buf[8];

	(void)state;
	tree_put("/folder/empty", "");
	assert_false(file_read("/absent", buf, sizeof buf));
	assert_false(file_read("/folder/empty", buf, sizeof buf));
	assert_false(file_read("/folder", buf, sizeof buf));
}

static void
a_path_too_long_is_no_file(void **state)
{
	static char path[4096];
	char buf[8];

	(void)state;
	/* "/././file" is the file, and would be found if it were cut short. */
	for (size_t i = 0; i < 3000; i += 2)
		memcpy(path + i, "/.", 2);
	tree_put("/file", "1");
	strcpy(path + 3000, "/file");
	assert_false(file_read(path, buf, sizeof buf));
	strcpy(path + 1000, "/file");
	assert_true(file_read(path, buf, sizeof buf));
}

/* --- lines ----------------------------------------------------------------- */

/* The lines of a file, each followed by "|". */
static const char *
lines_of(const char *path)
{
	static char said[65536];
	size_t len = 0;
	struct lines l;
	const char *line;

	assert_true(lines_open(&l, path));
	said[0] = '\0';
	while ((line = lines_next(&l)) != NULL) {
		len += (size_t)snprintf(said + len, sizeof said - len, "%s|",
					line);
		assert_true(len < sizeof said);
	}
	lines_close(&l);
	return said;
}

static void
a_file_is_handed_out_line_by_line(void **state)
{
	(void)state;
	tree_put("/file", "one\n\ntwo three\nfour\n");
	assert_string_equal(lines_of("/file"), "one||two three|four|");
}

static void
the_last_line_may_lack_its_end(void **state)
{
	(void)state;
	tree_put("/file", "one\ntwo");
	assert_string_equal(lines_of("/file"), "one|two|");
}

static void
an_empty_file_has_no_line(void **state)
{
	(void)state;
	tree_put("/file", "");
	assert_string_equal(lines_of("/file"), "");
}

static void
an_absent_file_cannot_be_opened(void **state)
{
	struct lines l;

	(void)state;
	assert_false(lines_open(&l, "/absent"));
}

/* "head\n", a line of n letters, "tail\n". */
static void
put_long_line(size_t n, const char *end)
{
	static char text[65536];
	size_t len = (size_t)sprintf(text, "head\n");

	memset(text + len, 'x', n);
	strcpy(text + len + n, end);
	tree_put("/file", text);
}

static void
a_line_is_handed_out_whole_up_to_its_limit(void **state)
{
	(void)state;
	for (size_t n = LINE_BYTES - 8; n < LINE_BYTES; n++) {
		const char *said;

		put_long_line(n, "\ntail\n");
		said = lines_of("/file");
		assert_int_equal(strspn(said + 5, "x"), n);
		assert_string_equal(said + 5 + n, "|tail|");
	}
}

static void
a_longer_line_is_cut_short_and_its_rest_dropped(void **state)
{
	static const size_t lengths[] = { LINE_BYTES, LINE_BYTES + 1,
					  2 * LINE_BYTES - 2, 2 * LINE_BYTES,
					  5 * LINE_BYTES + 7 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		const char *said;

		put_long_line(lengths[i], "\ntail\n");
		said = lines_of("/file");
		assert_memory_equal(said, "head|", 5);
		assert_int_equal(strspn(said + 5, "x"), LINE_BYTES - 1);
		assert_string_equal(said + 5 + LINE_BYTES - 1, "|tail|");
		/* The same as the last of the file. */
		put_long_line(lengths[i], "");
		said = lines_of("/file");
		assert_string_equal(said + 5 + LINE_BYTES - 1, "|");
	}
}

static void
small_pieces_make_the_same_lines(void **state)
{
	(void)state;
	tree_put("/file", "one\n\ntwo three\nfour");
	for (piece_bytes = 1; piece_bytes < 8; piece_bytes++)
		assert_string_equal(lines_of("/file"), "one||two three|four|");
	piece_bytes = 0;
}

static void
many_lines_are_all_handed_out(void **state)
{
	static char text[60000], expected[60000];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		len += (size_t)sprintf(text + len, "line %d\n", i);
	tree_put("/file", text);
	strcpy(expected, text);
	for (char *p = expected; (p = strchr(p, '\n')) != NULL;)
		*p = '|';
	assert_string_equal(lines_of("/file"), expected);
}

/* --- what malloc needs ----------------------------------------------------- */

static void
interrupted_calls_are_made_again(void **state)
{
	char buf[16];

	(void)state;
	tree_put("/file", "one\ntwo\n");
	is_interrupted = true;
	ncalls = ninterrupted = 0;
	assert_true(file_read("/file", buf, sizeof buf));
	assert_string_equal(buf, "one\ntwo\n");
	assert_string_equal(lines_of("/file"), "one|two|");
	is_interrupted = false;
	assert_true(ninterrupted >= 6);
}

static bool was_read;

static void *
read_while_cancelled(void *arg)
{
	char buf[16];

	(void)arg;
	pthread_cancel(pthread_self());
	was_read = file_read("/proc/self/cgroup", buf, sizeof buf);
	lines_of("/proc/self/cgroup");
	return &was_read;
}

static void
reading_is_no_cancellation_point(void **state)
{
	pthread_t thread;
	void *result = NULL;

	(void)state;
	tree_put("/proc/self/cgroup", "0::/\n");
	assert_int_equal(
		pthread_create(&thread, NULL, read_while_cancelled, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &was_read);
	assert_true(was_read);
}

static void
no_descriptor_is_left_open(void **state)
{
	char buf[16];
	int before = dup(0), after;

	(void)state;
	close(before);
	tree_put("/file", "one\n");
	file_read("/file", buf, sizeof buf);
	file_read("/absent", buf, sizeof buf);
	lines_of("/file");
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_end_with_a_space_a_line_or_the_text),
		cmocka_unit_test(numbers_too_large_are_the_largest),
		cmocka_unit_test(what_is_no_number_changes_nothing),
		in_tree(a_file_is_read_and_terminated),
		in_tree(what_does_not_fit_is_cut_off),
		in_tree(files_absent_or_empty_or_folders_are_not_read),
		in_tree(a_path_too_long_is_no_file),
		in_tree(a_file_is_handed_out_line_by_line),
		in_tree(the_last_line_may_lack_its_end),
		in_tree(an_empty_file_has_no_line),
		in_tree(an_absent_file_cannot_be_opened),
		in_tree(a_line_is_handed_out_whole_up_to_its_limit),
		in_tree(a_longer_line_is_cut_short_and_its_rest_dropped),
		in_tree(small_pieces_make_the_same_lines),
		in_tree(many_lines_are_all_handed_out),
		in_tree(interrupted_calls_are_made_again),
		in_tree(reading_is_no_cancellation_point),
		in_tree(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

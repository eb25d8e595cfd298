/*
 * request.c -- the control protocol: every request, every mistake, and any bytes.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "cache/thread.h"
#include "control/ctl.h"
#include "control/dump.h"
#include "control/request.h"
#include "faults.h"
#include "unit.h"

static struct answer answer;

static void
ask_bytes(const char *line, size_t len)
{
	/* As the last bytes of a page: what is read beyond them is seen. */
	char *copy = malloc(len + 1);

	answer_drop(&answer);
	memcpy(copy, line, len);
	request_answer(copy, len, &answer);
	free(copy);
}

static void
ask(const char *line)
{
	ask_bytes(line, strlen(line));
}

/* Whatever was asked: one head that says how long the body is. */
static void
assert_well_formed(void)
{
	char want[64];

	assert_in_range(answer.nhead, 5, sizeof answer.head);
	assert_int_equal(answer.head[answer.nhead - 1], '\n');
	assert_null(memchr(answer.head, '\n', answer.nhead - 1));
	assert_null(memchr(answer.head, '\0', answer.nhead));
	if (memcmp(answer.head, "error ", 6) == 0) {
		assert_null(answer.body.buf);
		return;
	}
	snprintf(want, sizeof want, "ok %zu\n",
		 answer.body.buf != NULL ? answer.body.len : 0);
	assert_int_equal(answer.nhead, strlen(want));
	assert_memory_equal(answer.head, want, answer.nhead);
}

static void
expect_ok(const char *line, const char *begin)
{
	ask(line);
	assert_well_formed();
	assert_memory_equal(answer.head, "ok ", 3);
	if (begin == NULL)
		return;
	assert_non_null(answer.body.buf);
	assert_true(answer.body.len >= strlen(begin));
	assert_memory_equal(answer.body.buf, begin, strlen(begin));
	assert_int_equal(answer.body.buf[answer.body.len - 1], '\n');
}

static void
expect_error(const char *line, const char *word)
{
	char head[64];

	ask(line);
	assert_well_formed();
	snprintf(head, sizeof head, "error %s ", word);
	if (memcmp(answer.head, head, strlen(head)) != 0)
		fail_msg("%s: %.*s", line, (int)answer.nhead, answer.head);
}

static void
each_request_has_its_answer(void **state)
{
	(void)state;
	expect_ok("hello", "trimalloc " TRI_VERSION " format 1\n");
	expect_ok("stats text", "trimalloc ");
	expect_ok("stats json", "{");
	expect_ok("stats xml", "<malloc");
	expect_ok("stats jemalloc", "___ Begin");
	expect_ok("trim", "bytes ");
	expect_ok("get version", "");
	expect_ok("list", "version string ro\n");
	expect_ok("options", "narenas=0\n");
}

static void
each_mistake_has_its_word(void **state)
{
	(void)state;
	expect_error("", "noent");
	expect_error(" ", "noent");
	expect_error("Hello", "noent");
	expect_error("hell", "noent");
	expect_error("hello2", "noent");
	expect_error(" hello", "noent");
	expect_error("hello\r", "noent");
	expect_error("hello you", "inval");
	expect_error("trim 5", "inval");
	expect_error("stats", "inval");
	expect_error("stats yaml", "inval");
	expect_error("stats json ", "inval");
	expect_error("get", "inval");
	expect_error("get ", "inval");
	expect_error("get nonsense", "noent");
	expect_error("get version ", "noent");
	expect_error("get  version", "noent");
	expect_error("set version", "inval");
	expect_error("set =1", "noent");
	expect_error("set nonsense=1", "noent");
	expect_error("set version=2", "perm");
	expect_error("set background_thread=perhaps", "inval");
	expect_error("call", "inval");
	expect_error("call nonsense", "noent");
}

static void
what_is_set_can_be_got(void **state)
{
	(void)state;
	expect_ok("set background_thread=false", NULL);
	expect_ok("get background_thread", "false\n");
	expect_ok("set background_thread=true", NULL);
	expect_ok("get background_thread", "true\n");
}

/* What values are, and are not. */
static void
a_value_is_taken_as_its_type_is_written(void **state)
{
	(void)state;
	expect_ok("set epoch=18446744073709551615", NULL);
	expect_error("set epoch=18446744073709551616", "inval");
	expect_error("set epoch=-1", "inval");
	expect_error("set epoch=0x1", "inval");
	expect_error("set background_thread=1", "inval");
	expect_ok("set arenas.dirty_decay_ms=-1", NULL);
	expect_ok("get arenas.dirty_decay_ms", "-1\n");
	expect_ok("set arenas.dirty_decay_ms=10000", NULL);
	expect_ok("get arenas.dirty_decay_ms", "10000\n");
	expect_error("set arenas.dirty_decay_ms=-", "inval");
	expect_error("set arenas.dirty_decay_ms=9223372036854775808", "inval");
	expect_ok("set arena.0.dss=disabled", NULL);
	expect_error("set arena.0.dss=", "inval");
	expect_error("set arena.0.dss=third", "inval");
}

static void
what_a_name_itself_refuses_is_said_to_have_failed(void **state)
{
	static const char *const lines[] = {
		"set arena.0.dss=primary",
		"set arenas.dirty_decay_ms=-2",
		"call arena.0.reset",
		"call arena.0.destroy",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		expect_error(lines[i], "inval");
		assert_null(memmem(answer.head, answer.nhead, "no value", 8));
	}
}

static void
what_belongs_to_threads_and_pointers_is_not_for_people(void **state)
{
	(void)state;
	expect_error("get thread.arena", "perm");
	expect_error("set thread.arena=0", "perm");
	expect_error("get arena.0.extent_hooks", "perm");
	expect_error("call tcache.create", "perm");
	expect_error("get epoch=1", "noent");
}

static void
without_memory_for_an_answer_that_is_the_answer(void **state)
{
	static const char *const lines[] = {
		"list",       "options",    "get version", "hello",
		"stats text", "stats json", "stats xml",   "stats jemalloc",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		fault_for_good(OS_CALL_MAP, 1);
		expect_error(lines[i], "nomem");
		faults_none();
		expect_ok(lines[i], "");
	}
}

/* What dump_now() says. */
static struct {
	int error;
	const char *where;
} dump;

int __wrap_dump_now(char *where, size_t cap);

int
__wrap_dump_now(char *where, size_t cap)
{
	snprintf(where, cap, "%s", dump.where);
	return dump.error;
}

static void
a_dump_says_where_it_is_or_why_it_is_not(void **state)
{
	(void)state;
	dump.where = "/tmp/report.txt";
	expect_ok("dump", "/tmp/report.txt\n");
	assert_int_equal(answer.body.len, 16);
	dump.error = EBUSY;
	expect_error("dump", "busy");
	dump.error = ENOMEM;
	expect_error("dump", "nomem");
	/* As of files, not as of names. */
	dump.error = ENOENT;
	expect_error("dump", "io");
	assert_null(memmem(answer.head, answer.nhead, "name", 4));
	dump.error = ENOSPC;
	expect_error("dump", "io");
	dump.error = ENOTTY; /* that nobody has words for */
	expect_error("dump", "io it cannot be");
}

static void
check_name(const char *name, enum ctl_type type, bool is_writable, void *n)
{
	char want[256];

	snprintf(want, sizeof want, "%s %s r%c\n", name, ctl_type_name(type),
		 is_writable ? 'w' : 'o');
	assert_non_null(
		memmem(answer.body.buf, answer.body.len, want, strlen(want)));
	++*(unsigned *)n;
}

static void
the_list_has_every_name(void **state)
{
	unsigned n = 0, lines = 0;

	(void)state;
	expect_ok("list", "");
	ctl_list(check_name, &n);
	for (size_t i = 0; i < answer.body.len; i++)
		lines += answer.body.buf[i] == '\n';
	assert_true(n > 50);
	assert_int_equal(lines, n);
}

static void
a_line_has_its_longest_length(void **state)
{
	static char line[REQUEST_BYTES + 1];

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "get ", 4);
	ask_bytes(line, REQUEST_BYTES);
	assert_well_formed();
	assert_memory_equal(answer.head, "error noent ", 12);
	ask_bytes(line, REQUEST_BYTES + 1);
	assert_well_formed();
	assert_memory_equal(answer.head, "error toolong ", 14);
}

static void
a_zero_byte_is_no_text(void **state)
{
	(void)state;
	ask_bytes("hello\0", 6);
	assert_well_formed();
	assert_memory_equal(answer.head, "error inval ", 12);
	ask_bytes("\0", 1);
	assert_memory_equal(answer.head, "error inval ", 12);
}

static void
what_is_said_of_an_error_stays_bounded(void **state)
{
	static char sentence[1000];

	(void)state;
	memset(sentence, 'x', sizeof sentence - 1);
	answer_error(&answer, "inval", sentence);
	assert_well_formed();
}

/* --- any bytes ------------------------------------------------------------------ */

static const char *const words[] = {
	"hello",
	"stats",
	"text",
	"json",
	"get ",
	"set ",
	"call ",
	"list",
	"options",
	"version",
	"=",
	" ",
	"true",
	"-1",
	"stats.arenas.",
	"0",
	".",
	"opt.",
	"<i>",
	"99999999999999999999",
	"arena.",
	"decay_ms",
	"\xff",
	"%s%n",
	"thread.",
	"stats.allocated",
};

/* `dump` writes a file, and trims take long: they are asked for by others. */
static bool
is_slow(const char *line, size_t len)
{
	return (len >= 4 && memcmp(line, "dump", 4) == 0) ||
	       (len >= 4 && memcmp(line, "trim", 4) == 0) ||
	       (len >= 4 && memcmp(line, "call", 4) == 0);
}

static size_t
random_line(uint64_t *l, char *line)
{
	size_t len = 0, n = random_below(l, 12);

	for (size_t i = 0; i < n; i++) {
		const char *word = words[random_below(l, COUNT_OF(words))];

		memcpy(line + len, word, strlen(word));
		len += strlen(word);
	}
	/* And then something of it is another byte, or many are. */
	for (size_t k = random_below(l, 4); k > 0 && len > 0; k--)
		line[random_below(l, len)] = (char)random_below(l, 256);
	for (size_t k = random_below(l, 40) == 0 ? random_below(l, 3000) : 0;
	     k > 0; k--)
		line[len++] = (char)random_below(l, 256);
	return len;
}

static void
any_bytes_get_one_answer(void **state)
{
	static char line[REQUEST_BYTES * 2];
	uint64_t l = random_seed();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = random_line(&l, line);

		if (is_slow(line, len))
			continue;
		ask_bytes(line, len);
		assert_well_formed();
	}
}

static int
boot_floors(void **state)
{
	(void)state;
	thread_boot();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_has_its_answer),
		cmocka_unit_test(each_mistake_has_its_word),
		cmocka_unit_test(what_is_set_can_be_got),
		cmocka_unit_test(a_value_is_taken_as_its_type_is_written),
		cmocka_unit_test(
			what_a_name_itself_refuses_is_said_to_have_failed),
		cmocka_unit_test(
			what_belongs_to_threads_and_pointers_is_not_for_people),
		cmocka_unit_test(
			without_memory_for_an_answer_that_is_the_answer),
		cmocka_unit_test(a_dump_says_where_it_is_or_why_it_is_not),
		cmocka_unit_test(the_list_has_every_name),
		cmocka_unit_test(a_line_has_its_longest_length),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(what_is_said_of_an_error_stays_bounded),
		cmocka_unit_test(any_bytes_get_one_answer),
	};

	return cmocka_run_group_tests(tests, boot_floors, NULL);
}

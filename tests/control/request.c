/*
 * request.c -- the control protocol: every request, every mistake, and any bytes.
 */
#include <ctype.h>
#include <fcntl.h>

#include "cache/thread.h"
#include "control/ctl.h"
#include "control/request.h"
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
		cmocka_unit_test(the_list_has_every_name),
		cmocka_unit_test(a_line_has_its_longest_length),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(what_is_said_of_an_error_stays_bounded),
		cmocka_unit_test(any_bytes_get_one_answer),
	};

	return cmocka_run_group_tests(tests, boot_floors, NULL);
}

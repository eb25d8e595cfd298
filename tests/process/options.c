/*
 * options.c -- TRIMALLOC_CONF: what is wrong in it gets one line on standard
 * error and changes nothing, what is right is obeyed in silence.
 */
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/options.h"
#include "case.h"
#include "crowd.h"
#include "library.h"
#include "spawn.h"

#define LINE "trimalloc: TRIMALLOC_CONF: "

/* What the table says of each option. */
struct row {
	const char *name, *kind, *unit;
	long long value, min, max;
};

static const struct row rows[] = {
#define OPTION(name, kind, value, min, max, unit, help) \
	{ #name, #kind, unit, value, min, max },
#include "base/options.def"
#undef OPTION
};

#define NROWS (sizeof rows / sizeof rows[0])

static bool
is_string(const struct row *row)
{
	return strcmp(row->kind, "string") == 0;
}

static struct outcome outcome;
static const char *shown;

/* --- the program that is run ------------------------------------------------------- */

/* An ordinary program: it must go on, whatever it was told. */
static int
live(void)
{
	must_run_on_library();
	crowd_run(4, live_a_life_in_a_thread);
	live_a_life(1, 1000);
	free(malloc(hide_size(5 * MIB)));
	malloc_trim(0);
	return 0;
}

static void
run_with(const char *conf)
{
	static char self[4096];
	const char *argv[] = { self, "--live", NULL };
	struct spawn s = {
		.argv = argv,
		.preload = library_path(),
		.conf = conf,
		.timeout_s = 60,
	};
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	assert_true(n > 0);
	shown = conf != NULL ? conf : "(unset)";
	if (!spawn_run(&s, &outcome))
		fail_msg("it could not be started: %s", outcome.err);
	if (!WIFEXITED(outcome.status) || WEXITSTATUS(outcome.status) != 0)
		fail_msg("TRIMALLOC_CONF=%s: it ended by %s and said: %s",
			 shown, outcome_describe(&outcome), outcome.err);
}

/* --- what it may say --------------------------------------------------------------- */

static unsigned
count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
expect_silence(const char *conf)
{
	run_with(conf);
	if (outcome.err_bytes > 0)
		fail_msg("TRIMALLOC_CONF=%s: %s", conf, outcome.err);
}

/* `faults` lines, each with the head; `words` in one of them. */
static void
expect_lines(const char *conf, unsigned faults, const char *words)
{
	const char *at;

	run_with(conf);
	if (count_lines(outcome.err) != faults)
		fail_msg("TRIMALLOC_CONF=%s: not %u line(s): %s", conf, faults,
			 outcome.err);
	for (at = outcome.err; *at != '\0'; at = strchr(at, '\n') + 1) {
		if (strncmp(at, LINE, strlen(LINE)) != 0)
			fail_msg("TRIMALLOC_CONF=%s: %s", conf, at);
	}
	if (strstr(outcome.err, words) == NULL)
		fail_msg("TRIMALLOC_CONF=%s: no '%s' in: %s", conf, words,
			 outcome.err);
}

/* --- tests -------------------------------------------------------------------------- */

static void
no_configuration_is_silent(void **state)
{
	(void)state;
	run_with(NULL);
	assert_string_equal(outcome.err, "");
	expect_silence("");
	expect_silence(",");
	expect_silence(",,,");
}

static void
a_key_that_no_option_has_gets_one_line(void **state)
{
	(void)state;
	expect_lines("nonsense:1", 1, "'nonsense'");
	expect_lines("Decay_ms:1000", 1, "'Decay_ms'");
	expect_lines("decay_m:1000", 1, "'decay_m'");
	expect_lines("decay_mss:1000", 1, "'decay_mss'");
	expect_lines(" decay_ms:1000", 1, "' decay_ms'");
	expect_lines(":1", 1, "''");
	expect_lines(":", 1, "''");
}

static void
a_value_that_is_none_gets_one_line(void **state)
{
	char conf[128];

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		static const char *const wrong[] = { "",
						     "x",
						     "1x",
						     "0x10",
						     "1 ",
						     " 1",
						     "--1",
						     "-",
						     "+1",
						     "1:2",
						     "1.5",
						     "TRUE",
						     "yes",
						     "99999999999999999999",
						     "18446744073709551617",
						     "-99999999999999999999",
						     "9223372036854775807K",
						     "K" };

		/* Any text is a path. */
		if (is_string(&rows[i]))
			continue;
		for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
			snprintf(conf, sizeof conf, "%s:%s", rows[i].name,
				 wrong[k]);
			expect_lines(conf, 1, rows[i].name);
		}
	}
}

static void
a_key_without_a_value_gets_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < NROWS; i++)
		expect_lines(rows[i].name, 1, rows[i].name);
}

static void
a_value_out_of_bounds_gets_one_line(void **state)
{
	char conf[128];

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		if (is_string(&rows[i]))
			continue;
		snprintf(conf, sizeof conf, "%s:%lld", rows[i].name,
			 rows[i].max + 1);
		expect_lines(conf, 1, rows[i].name);
		snprintf(conf, sizeof conf, "%s:%lld", rows[i].name,
			 rows[i].min - 1);
		expect_lines(conf, 1, rows[i].name);
	}
}

static void
a_text_that_is_too_long_gets_one_line(void **state)
{
	static char conf[1024];

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		int n = snprintf(conf, sizeof conf, "%s:", rows[i].name);

		if (!is_string(&rows[i]))
			continue;
		memset(conf + n, 'x', (size_t)rows[i].max + 1);
		conf[n + rows[i].max + 1] = '\0';
		expect_lines(conf, 1, rows[i].name);
	}
}

static void
a_signal_that_cannot_be_caught_gets_one_line(void **state)
{
	(void)state;
	expect_lines("dump_signal:SIGKILL", 1, "dump_signal");
	expect_lines("dump_signal:STOP", 1, "dump_signal");
	expect_lines("dump_signal:11", 1, "dump_signal");
	expect_lines("dump_signal:SIGNONSENSE", 1, "dump_signal");
	expect_silence("dump_signal:SIGUSR1");
	expect_silence("dump_signal:WINCH");
}

/* The value-th of the words "never|default|always". */
static const char *
chosen(const char *words, long long value, char *text, size_t size)
{
	for (; value > 0; value--)
		words += strcspn(words, "|") + 1;
	snprintf(text, size, "%.*s", (int)strcspn(words, "|"), words);
	return text;
}

static const char *
spelled(const struct row *row, long long value, char *text, size_t size)
{
	/* A path need not be one of a file that can be made. */
	if (is_string(row))
		return "";
	if (strcmp(row->kind, "choice") == 0)
		return chosen(row->unit, value, text, size);
	if (strcmp(row->kind, "boolean") == 0)
		snprintf(text, size, "%s", value != 0 ? "true" : "false");
	else
		snprintf(text, size, "%lld", value);
	return text;
}

/* Silent, but for the option whose purpose is to speak. */
static void
expect_accepted(const char *conf)
{
	run_with(conf);
	if (strstr(outcome.err, LINE) != NULL ||
	    (outcome.err_bytes > 0 &&
	     strstr(conf, "stats_at_exit:true") == NULL))
		fail_msg("TRIMALLOC_CONF=%s: %s", conf, outcome.err);
}

static void
every_option_takes_its_default_and_both_bounds(void **state)
{
	char conf[128], value[32];

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		const long long values[] = { rows[i].value, rows[i].min,
					     rows[i].max };

		for (size_t k = 0; k < 3; k++) {
			snprintf(conf, sizeof conf, "%s:%s", rows[i].name,
				 spelled(&rows[i], values[k], value,
					 sizeof value));
			expect_accepted(conf);
		}
	}
}

static void
each_fault_gets_a_line_of_its_own(void **state)
{
	(void)state;
	expect_lines("a:1,b:2,c:3", 3, "'b'");
	expect_lines("a:1,narenas:2,narenas:x,decay_ms:500,tcache:maybe", 3,
		     "'maybe'");
	expect_lines("a:1,,,b", 2, "'b'");
}

/* A wrong option does not take the right ones with it. */
static void
what_is_right_beside_a_fault_is_obeyed(void **state)
{
	(void)state;
	run_with("nonsense:1,stats_at_exit:true,tcache:maybe");
	if (count_lines(outcome.err) <= 2)
		fail_msg("no statistics at exit: %s", outcome.err);
}

static void
statistics_at_exit_are_written_when_asked_for(void **state)
{
	(void)state;
	run_with("stats_at_exit:true");
	if (outcome.err_bytes == 0)
		fail_msg("nothing on standard error");
	if (strstr(outcome.err, "CONF") != NULL)
		fail_msg("%s", outcome.err);
	assert_int_equal(outcome.out_bytes, 0);
}

/* Bytes that no text has, and a line that is far too long. */
static void
garbage_is_survived(void **state)
{
	static char conf[20000];
	struct random r = { .state = 4 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		size_t length = 1 + random_below(&r, 300);

		for (size_t i = 0; i < length; i++)
			conf[i] = (char)(1 + random_below(&r, 255));
		conf[length] = '\0';
		run_with(conf);
	}
	memset(conf, 'x', sizeof conf - 1);
	conf[sizeof conf - 1] = '\0';
	expect_lines(conf, 1, "xxx");
	memcpy(conf, "narenas:", 8);
	expect_lines(conf, 1, "narenas");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_configuration_is_silent),
		cmocka_unit_test(a_key_that_no_option_has_gets_one_line),
		cmocka_unit_test(a_value_that_is_none_gets_one_line),
		cmocka_unit_test(a_key_without_a_value_gets_one_line),
		cmocka_unit_test(a_value_out_of_bounds_gets_one_line),
		cmocka_unit_test(a_text_that_is_too_long_gets_one_line),
		cmocka_unit_test(a_signal_that_cannot_be_caught_gets_one_line),
		cmocka_unit_test(
			every_option_takes_its_default_and_both_bounds),
		cmocka_unit_test(each_fault_gets_a_line_of_its_own),
		cmocka_unit_test(what_is_right_beside_a_fault_is_obeyed),
		cmocka_unit_test(statistics_at_exit_are_written_when_asked_for),
		cmocka_unit_test(garbage_is_survived),
	};

	if (argc == 2 && strcmp(argv[1], "--live") == 0)
		return live();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

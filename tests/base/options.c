/*
 * options.c -- TRIMALLOC_CONF: every row of the table, and every mistake.
 */
#include "base/options.h"
#include "base/signals.h"
#include "unit.h"

/* The values of the table, whatever a test before this one set. */
static int
defaults(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char conf[64];

		if (rows[i].kind != OPTION_STRING) {
			assert_true(options_set(rows[i].name, rows[i].value));
			continue;
		}
		snprintf(conf, sizeof conf, "%s:", rows[i].name);
		assert_int_equal(options_parse(conf), 0);
	}
	return 0;
}

/* Parses; how many were wrong, and in said[] what was said about it. */
static char said[4096];

static unsigned
parse(const char *conf)
{
	struct hearing h = hear();
	unsigned wrong = options_parse(conf);

	heard(h, said, sizeof said);
	return wrong;
}

static size_t
lines_said(void)
{
	size_t n = 0;

	for (const char *s = said; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

/* As the process began. */
static void
each_option_begins_with_its_default(void)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(options_get(&rows[i]), rows[i].value);
}

static void
each_default_lies_within_its_bounds(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	(void)state;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		assert_in_range(rows[i].value - rows[i].min, 0,
				rows[i].max - rows[i].min);
		assert_true(strlen(rows[i].help) > 10);
	}
}

static void
each_option_takes_its_bounds(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind == OPTION_STRING)
			continue;
		assert_true(options_set(rows[i].name, rows[i].min));
		assert_int_equal(options_get(&rows[i]), rows[i].min);
		assert_true(options_set(rows[i].name, rows[i].max));
		assert_int_equal(options_get(&rows[i]), rows[i].max);
	}
}

static void
a_value_out_of_bounds_changes_nothing(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_false(options_set(rows[i].name, rows[i].min - 1));
		assert_false(options_set(rows[i].name, rows[i].max + 1));
		assert_int_equal(options_get(&rows[i]), rows[i].value);
	}
}

static void
an_option_that_is_not_there_cannot_be_set(void **state)
{
	(void)state;
	assert_false(options_set("no_such_thing", 1));
	assert_false(options_set("", 1));
	/* A name is no prefix. */
	assert_false(options_set("narena", 1));
	assert_false(options_set("narenas2", 1));
}

/* Writes "name:value" with a value that is not the default, and returns it. */
static int64_t
other_value(const struct option_row *row, char *conf, size_t cap)
{
	const char *last = strrchr(row->unit, '|');
	const char *word = NULL;
	int64_t value = row->max;

	if (row->kind == OPTION_BOOLEAN) {
		value = !row->value;
		word = value ? "true" : "false";
	} else if (row->kind == OPTION_CHOICE) {
		word = last + 1;
	} else if (row->kind == OPTION_STRING) {
		word = "/a/path.%p:of%n";
		value = (int64_t)strlen(word);
	}
	if (word != NULL)
		snprintf(conf, cap, "%s:%s", row->name, word);
	else
		snprintf(conf, cap, "%s:%lld", row->name, (long long)value);
	return value;
}

static void
each_option_can_be_written_in_the_environment(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);
	char conf[128];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		int64_t value = other_value(&rows[i], conf, sizeof conf);

		assert_int_equal(parse(conf), 0);
		assert_string_equal(said, "");
		assert_int_equal(options_get(&rows[i]), value);
		if (rows[i].kind == OPTION_STRING)
			assert_string_equal(rows[i].text, "/a/path.%p:of%n");
	}
}

static void
several_pairs_are_parted_by_commas(void **state)
{
	(void)state;
	assert_int_equal(parse("narenas:3,decay_ms:250,tcache:false"), 0);
	assert_int_equal(option(narenas), 3);
	assert_int_equal(option(decay_ms), 250);
	assert_int_equal(option(tcache), 0);
}

static void
the_last_of_two_values_counts(void **state)
{
	(void)state;
	assert_int_equal(parse("narenas:3,narenas:5"), 0);
	assert_int_equal(option(narenas), 5);
}

static void
empty_pairs_are_nothing_wrong(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(parse(","), 0);
	assert_int_equal(parse(",,narenas:3,,"), 0);
	assert_int_equal(option(narenas), 3);
	assert_string_equal(said, "");
}

static void
bytes_may_have_a_unit(void **state)
{
	(void)state;
	assert_int_equal(parse("tcache_max:64K"), 0);
	assert_int_equal(option(tcache_max), 65536);
	assert_int_equal(parse("tcache_max:1m"), 0);
	assert_int_equal(option(tcache_max), 1048576);
	assert_int_equal(parse("tcache_large:1G"), 0);
	assert_int_equal(option(tcache_large), 1073741824);
}

static void
a_period_may_be_never(void **state)
{
	(void)state;
	assert_int_equal(parse("decay_ms:-1"), 0);
	assert_int_equal(option(decay_ms), -1);
	assert_int_equal(parse("decay_ms:-2"), 1);
	assert_int_equal(option(decay_ms), -1);
}

static void
a_wrong_key_gets_one_line_that_names_it(void **state)
{
	(void)state;
	assert_int_equal(parse("colour:red"), 1);
	assert_int_equal(lines_said(), 1);
	assert_non_null(strstr(said, "trimalloc: TRIMALLOC_CONF: "));
	assert_non_null(strstr(said, "'colour'"));
}

static void
a_wrong_value_gets_one_line_that_names_the_bounds(void **state)
{
	(void)state;
	assert_int_equal(parse("narenas:65"), 1);
	assert_int_equal(lines_said(), 1);
	assert_non_null(strstr(said, "narenas"));
	assert_non_null(strstr(said, "from 0 to 64"));
	assert_non_null(strstr(said, "'65'"));
	assert_int_equal(option(narenas), 0);
}

static void
a_boolean_is_a_word(void **state)
{
	static const char *const wrong[] = { "tcache:1",    "tcache:yes",
					     "tcache:TRUE", "tcache:",
					     "tcache",      "tcache:true " };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(parse(wrong[i]), 1);
		assert_int_equal(lines_said(), 1);
		assert_non_null(strstr(said, "true or false"));
		assert_int_equal(option(tcache), 1);
	}
}

/* --- choices ------------------------------------------------------------------ */

/* The words of a choice, "|" between them; how many. */
static int64_t
choose_each_word(const struct option_row *row)
{
	const char *word = row->unit;
	int64_t n = 0;
	char conf[128];

	for (;; word++) {
		int len = (int)strcspn(word, "|");

		assert_true(len > 0);
		snprintf(conf, sizeof conf, "%s:%.*s", row->name, len, word);
		assert_int_equal(parse(conf), 0);
		assert_string_equal(said, "");
		assert_int_equal(options_get(row), n++);
		word += len;
		if (*word == '\0')
			return n;
	}
}

static void
each_word_of_a_choice_is_its_place_among_them(void **state)
{
	size_t n, nchoices = 0;
	const struct option_row *rows = options_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind != OPTION_CHOICE)
			continue;
		assert_int_equal(rows[i].min, 0);
		assert_int_equal(choose_each_word(&rows[i]), rows[i].max + 1);
		nchoices++;
	}
	assert_true(nchoices > 0);
}

static void
huge_pages_are_a_choice(void **state)
{
	(void)state;
	assert_int_equal(option(thp), THP_DEFAULT);
	assert_int_equal(parse("thp:never"), 0);
	assert_int_equal(option(thp), THP_NEVER);
	assert_int_equal(parse("thp:always"), 0);
	assert_int_equal(option(thp), THP_ALWAYS);
	assert_int_equal(parse("thp:default"), 0);
	assert_int_equal(option(thp), THP_DEFAULT);
}

static void
any_other_word_gets_one_line_that_names_them(void **state)
{
	static const char *const wrong[] = {
		"thp:",
		"thp",
		"thp:0",
		"thp:1",
		"thp:Never",
		"thp:neve",
		"thp:nevers",
		"thp:never ",
		"thp:|",
		"thp:never|",
		"thp:|never",
		"thp:true",
		"thp:never|default",
		"thp:never|default|always",
	};

	(void)state;
	assert_int_equal(parse("thp:always"), 0);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(parse(wrong[i]), 1);
		assert_int_equal(lines_said(), 1);
		assert_non_null(strstr(said, "thp takes never|default|always"));
		/* What is in force, by its word. */
		assert_non_null(strstr(said, "; it stays always\n"));
		assert_int_equal(option(thp), THP_ALWAYS);
	}
	parse("thp:nothing");
	assert_string_equal(said,
			    "trimalloc: TRIMALLOC_CONF: thp takes "
			    "never|default|always, not 'nothing'; it stays "
			    "always\n");
}

static void
the_help_text_has_a_line_for_each_option_and_its_default(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	(void)state;
	/* The defaults, not what is in force. */
	assert_int_equal(parse("thp:always,help"), 0);
	assert_int_equal(lines_said(), n + 1);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(strstr(said, rows[i].name));
		assert_non_null(strstr(said, rows[i].help));
	}
	assert_non_null(strstr(said, "thp (default): "));
	assert_non_null(strstr(said, "tcache (true): "));
	assert_non_null(strstr(said, "decay_ms (1000): "));
}

/* --- signals --------------------------------------------------------------------- */

static void
a_signal_has_a_name_a_short_name_and_a_number(void **state)
{
	(void)state;
	assert_int_equal(option(dump_signal), SIGURG);
	assert_int_equal(parse("dump_signal:SIGUSR1"), 0);
	assert_int_equal(option(dump_signal), SIGUSR1);
	assert_int_equal(parse("dump_signal:WINCH"), 0);
	assert_int_equal(option(dump_signal), SIGWINCH);
	assert_int_equal(parse("dump_signal:0"), 0);
	assert_int_equal(option(dump_signal), 0);
	assert_int_equal(parse("dump_signal:64"), 0);
	assert_int_equal(option(dump_signal), 64);
	assert_string_equal(said, "");
}

static void
a_signal_that_must_not_be_caught_is_refused(void **state)
{
	static const int wrong[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGILL,
				     SIGFPE,  SIGTRAP, SIGABRT, SIGSYS };
	char conf[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_false(options_set("dump_signal", wrong[i]));
		snprintf(conf, sizeof conf, "dump_signal:SIG%s",
			 sigabbrev_np(wrong[i]));
		assert_int_equal(parse(conf), 1);
		assert_int_equal(lines_said(), 1);
		assert_non_null(strstr(said, "; it stays SIGURG\n"));
		assert_int_equal(option(dump_signal), SIGURG);
	}
}

static void
what_is_no_signal_is_refused(void **state)
{
	static const char *const wrong[] = {
		"dump_signal:",        "dump_signal",    "dump_signal:SIG",
		"dump_signal:SIGURGE", "dump_signal:UR", "dump_signal:urg",
		"dump_signal:1K",      "dump_signal:65", "dump_signal:-1",
		"dump_signal:SIGURG ", "dump_signal: 1", "dump_signal:0x17",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(parse(wrong[i]), 1);
		assert_int_equal(lines_said(), 1);
		assert_int_equal(option(dump_signal), SIGURG);
	}
}

/* Each number's name leads back to it. */
static void
the_names_of_signals_are_the_c_library_s(void **state)
{
	char buf[32];
	struct text t;

	(void)state;
	for (int n = 1; n <= 31; n++) {
		const char *name = sigabbrev_np(n);

		/* SIGSTKFLT is of no use to anybody. */
		if (name == NULL || strcmp(name, "STKFLT") == 0)
			continue;
		/* IO and POLL are one. */
		if (n != SIGPOLL)
			assert_int_equal(signal_by_name(name, strlen(name)), n);
		text_init(&t, buf, sizeof buf - 1);
		text_signal(&t, n);
		buf[t.len] = '\0';
		assert_int_equal(signal_by_name(buf, t.len), n);
	}
	text_init(&t, buf, sizeof buf - 1);
	text_signal(&t, 64);
	buf[t.len] = '\0';
	assert_string_equal(buf, "64");
}

/* --- strings --------------------------------------------------------------------- */

static void
a_string_goes_up_to_the_comma(void **state)
{
	(void)state;
	assert_int_equal(parse("dump_path:/tmp/a:b %p.txt,narenas:3"), 0);
	assert_string_equal(option_text(dump_path), "/tmp/a:b %p.txt");
	assert_int_equal(option(dump_path), 15);
	assert_int_equal(option(narenas), 3);
	assert_int_equal(parse("dump_path:/b"), 0);
	assert_string_equal(option_text(dump_path), "/b");
	assert_int_equal(parse("dump_path:"), 0);
	assert_string_equal(option_text(dump_path), "");
	assert_int_equal(option(dump_path), 0);
}

static void
a_string_has_a_longest_length(void **state)
{
	char conf[700] = "dump_path:";

	(void)state;
	memset(conf + 10, 'x', 511);
	assert_int_equal(parse(conf), 0);
	assert_int_equal(option(dump_path), 511);
	assert_int_equal(strlen(option_text(dump_path)), 511);
	memset(conf + 10, 'y', 512);
	assert_int_equal(parse(conf), 1);
	assert_int_equal(lines_said(), 1);
	assert_non_null(strstr(said, "a path of at most 511 bytes"));
	assert_int_equal(option_text(dump_path)[0], 'x');
	assert_int_equal(strlen(option_text(dump_path)), 511);
	/* Not even its name. */
	assert_int_equal(parse("dump_path"), 1);
	assert_int_equal(option(dump_path), 511);
}

static void
a_string_is_no_number(void **state)
{
	(void)state;
	assert_false(options_set("dump_path", 0));
	assert_false(options_set("dump_path", 3));
}

/* As it may be written again. */
static void
a_value_is_told_as_it_may_be_written(void **state)
{
	size_t n;
	const struct option_row *rows = options_table(&n);
	char conf[700], buf[600];
	struct text t;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		other_value(&rows[i], conf, sizeof conf);
		assert_int_equal(parse(conf), 0);
		text_init(&t, buf, sizeof buf - 1);
		text_option(&t, &rows[i]);
		buf[t.len] = '\0';
		assert_string_equal(strchr(conf, ':') + 1, buf);
	}
}

/* --- more mistakes ------------------------------------------------------------- */

static void
what_is_no_number_is_refused(void **state)
{
	static const char *const wrong[] = {
		"narenas:",     "narenas:x",
		"narenas:1x",   "narenas:-",
		"narenas: 1",   "narenas:1 ",
		"narenas:0x1",  "narenas:1KK",
		"narenas:K",    "narenas:1.5",
		"narenas:1:2",  "narenas:99999999999999999999",
		"narenas:--1",  "narenas:9223372036854775807G",
		"narenas:+1",   "narenas:18446744073709551617",
		"narenas:1\n2", "narenas",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(parse(wrong[i]), 1);
		assert_int_equal(option(narenas), 0);
	}
}

static void
the_other_keys_of_a_wrong_text_still_count(void **state)
{
	(void)state;
	assert_int_equal(parse("narenas:3,colour:red,decay_ms:x,tcache:false"),
			 2);
	assert_int_equal(lines_said(), 2);
	assert_int_equal(option(narenas), 3);
	assert_int_equal(option(decay_ms), 1000);
	assert_int_equal(option(tcache), 0);
}

static void
a_very_long_mistake_is_quoted_in_part(void **state)
{
	static char conf[8192];

	(void)state;
	memset(conf, 'k', sizeof conf - 1);
	assert_int_equal(parse(conf), 1);
	assert_int_equal(lines_said(), 1);
	assert_true(strlen(said) < 200);
	memcpy(conf, "narenas:", 8);
	assert_int_equal(parse(conf), 1);
	assert_int_equal(lines_said(), 1);
	assert_true(strlen(said) < 300);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, defaults)
	const struct CMUnitTest tests[] = {
		alone(each_option_begins_with_its_default),
		TEST(each_default_lies_within_its_bounds),
		TEST(each_option_takes_its_bounds),
		TEST(a_value_out_of_bounds_changes_nothing),
		TEST(an_option_that_is_not_there_cannot_be_set),
		TEST(each_option_can_be_written_in_the_environment),
		TEST(several_pairs_are_parted_by_commas),
		TEST(the_last_of_two_values_counts),
		TEST(empty_pairs_are_nothing_wrong),
		TEST(bytes_may_have_a_unit),
		TEST(a_period_may_be_never),
		TEST(a_wrong_key_gets_one_line_that_names_it),
		TEST(a_wrong_value_gets_one_line_that_names_the_bounds),
		TEST(a_boolean_is_a_word),
		TEST(each_word_of_a_choice_is_its_place_among_them),
		TEST(huge_pages_are_a_choice),
		TEST(any_other_word_gets_one_line_that_names_them),
		TEST(the_help_text_has_a_line_for_each_option_and_its_default),
		TEST(a_signal_has_a_name_a_short_name_and_a_number),
		TEST(a_signal_that_must_not_be_caught_is_refused),
		TEST(what_is_no_signal_is_refused),
		TEST(the_names_of_signals_are_the_c_library_s),
		TEST(a_string_goes_up_to_the_comma),
		TEST(a_string_has_a_longest_length),
		TEST(a_string_is_no_number),
		TEST(a_value_is_told_as_it_may_be_written),
		TEST(what_is_no_number_is_refused),
		TEST(the_other_keys_of_a_wrong_text_still_count),
		TEST(a_very_long_mistake_is_quoted_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * conf.c -- MALLOC_CONF: every key of jemalloc's, and every mistake.
 */
#include "base/options.h"
#include "control/conf.h"
#include "control/ctl.h"
#include "unit.h"

static char said[4096];

/* Parses; how many lines were said, and what. */
static unsigned
parse(const char *conf)
{
	struct hearing h = hear();
	unsigned n = 0;

	conf_parse("MALLOC_CONF", conf);
	heard(h, said, sizeof said);
	for (const char *s = said; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void
pairs_with_a_meaning_set_our_options(void)
{
	assert_int_equal(parse("dirty_decay_ms:5000,narenas:3,tcache:false,"
			       "background_thread:false,thp:always,"
			       "stats_print:true,tcache_max:4096"),
			 0);
	assert_int_equal(option(decay_ms), 5000);
	assert_int_equal(option(narenas), 3);
	assert_int_equal(option(tcache), false);
	assert_int_equal(option(trim_thread), false);
	assert_int_equal(option(thp), THP_ALWAYS);
	assert_int_equal(option(stats_at_exit), true);
	assert_int_equal(option(tcache_max), 4096);
	assert_int_equal(parse("lg_tcache_max:14"), 0);
	assert_int_equal(option(tcache_max), 16384);
}

/* What mallctl says of opt.junk and opt.zero. */
static void
expect_fills(const char *junk, bool zero)
{
	const char *word = NULL;
	bool is = !zero;
	size_t len = sizeof word;

	assert_int_equal(ctl_by_name("opt.junk", &word, &len, NULL, 0), 0);
	assert_string_equal(word, junk);
	len = sizeof is;
	assert_int_equal(ctl_by_name("opt.zero", &is, &len, NULL, 0), 0);
	assert_int_equal(is, zero);
}

static void
junk_and_zero_say_what_blocks_are_filled_with(void)
{
	static const struct {
		const char *conf, *junk;
		int64_t fresh, freed;
		bool zero;
	} rows[] = {
		{ "junk:true", "true", JUNK_ON, SWITCH_ON, false },
		{ "junk:alloc", "alloc", JUNK_ON, SWITCH_AUTO, false },
		{ "junk:free", "free", JUNK_AUTO, SWITCH_ON, false },
		{ "junk:false", "false", JUNK_AUTO, SWITCH_AUTO, false },
		{ "zero:true", "false", JUNK_ZERO, SWITCH_AUTO, true },
		{ "junk:free", "free", JUNK_ZERO, SWITCH_ON, true },
		{ "junk:true", "true", JUNK_ON, SWITCH_ON, false },
		{ "junk:false", "false", JUNK_ZERO, SWITCH_AUTO, true },
		{ "zero:false", "false", JUNK_AUTO, SWITCH_AUTO, false },
		{ "zero:true,junk:alloc", "alloc", JUNK_ON, SWITCH_AUTO,
		  false },
	};

	expect_fills("false", false);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(parse(rows[i].conf), 0);
		assert_int_equal(option(junk), rows[i].fresh);
		assert_int_equal(option(poison), rows[i].freed);
		expect_fills(rows[i].junk, rows[i].zero);
	}
	assert_int_equal(option(zero), false);
}

static void
what_check_fills_is_told_as_junk(void)
{
	options_parse("check:full");
	expect_fills("true", false);
	options_parse("junk:false");
	expect_fills("free", false);
	options_parse("junk:zero,poison:false");
	expect_fills("false", true);
}

static void
numbers_may_be_of_base_8_10_and_16(void)
{
	assert_int_equal(parse("dirty_decay_ms:0x7d"), 0);
	assert_int_equal(option(decay_ms), 0x7d);
	assert_int_equal(parse("dirty_decay_ms:010"), 0);
	assert_int_equal(option(decay_ms), 8);
	assert_int_equal(parse("dirty_decay_ms:-1"), 0);
	assert_int_equal(option(decay_ms), -1);
	assert_int_equal(parse("dirty_decay_ms:0"), 0);
	assert_int_equal(option(decay_ms), 0);
}

static void
numbers_beyond_our_bounds_are_narrowed_to_them(void)
{
	assert_int_equal(parse("dirty_decay_ms:99999999999,narenas:400,"
			       "lg_tcache_max:23"),
			 0);
	assert_int_equal(option(decay_ms), 3600000);
	assert_int_equal(option(narenas), 64);
	assert_int_equal(option(tcache_max), 1 << 20);
}

static void
a_wrong_value_is_told_and_changes_nothing_else(void)
{
	static const char *const wrong[] = {
		"narenas:x",
		"narenas:",
		"narenas:-1",
		"narenas",
		"narenas:08",
		"narenas:1x",
		"dirty_decay_ms:-2",
		"tcache:yes",
		"tcache:",
		"thp:sometimes",
		"lg_tcache_max:64",
		"lg_tcache_max:-1",
		"muzzy_decay_ms:-2",
		"dirty_decay_ms:99999999999999999999",
		"stats_print:truest",
		"tcache_max:-4096",
		"junk:zero",
		"junk:",
		"zero:1",
	};
	const int64_t before = option(narenas);

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		char conf[128];

		snprintf(conf, sizeof conf, "%s,dirty_decay_ms:%zu", wrong[i],
			 i);
		assert_int_equal(parse(conf), 1);
		assert_non_null(strstr(said, "is no value of"));
		assert_int_equal(option(decay_ms), i);
		assert_int_equal(option(narenas), before);
	}
	assert_int_equal(option(tcache), true);
	assert_int_equal(option(thp), THP_DEFAULT);
	assert_int_equal(option(junk), JUNK_AUTO);
}

static void
an_unknown_key_gets_one_notice(void)
{
	assert_int_equal(parse("no_such_key:1,dirty_decay_ms:7"), 1);
	assert_non_null(strstr(said, "MALLOC_CONF: no option is named "
				     "'no_such_key'"));
	assert_int_equal(option(decay_ms), 7);
	assert_int_equal(parse(":1"), 1);
	assert_int_equal(parse("::::"), 1);
	assert_int_equal(parse(",,,"), 0);
	assert_int_equal(parse(""), 0);
}

static void
all_keys_without_a_meaning_get_one_notice(void)
{
	assert_int_equal(parse("prof:true,lg_prof_sample:19,retain:false,"
			       "percpu_arena:percpu,dirty_decay_ms:9"),
			 1);
	assert_non_null(strstr(said, "accepted without effect: prof, "
				     "lg_prof_sample, retain, percpu_arena\n"));
	assert_int_equal(option(decay_ms), 9);
}

static void
what_is_done_here_anyhow_gets_no_notice(void)
{
	assert_int_equal(parse("prof:false,retain:true,abort_conf:false,"
			       "metadata_thp:disabled,junk:false,"
			       "muzzy_decay_ms:0"),
			 0);
}

static void
the_muzzy_time_is_kept_for_whoever_asks(void)
{
	int64_t ms = 0;
	size_t len = sizeof ms;
	const int64_t before = option(decay_ms);

	assert_int_equal(parse("muzzy_decay_ms:1234"), 0);
	assert_int_equal(ctl_by_name("opt.muzzy_decay_ms", &ms, &len, NULL, 0),
			 0);
	assert_int_equal(ms, 1234);
	assert_int_equal(option(decay_ms), before);
}

static void
keys_of_any_length_are_told_within_a_line(void)
{
	char conf[8192];
	size_t n = 0;

	memset(conf, 'x', 5000);
	conf[5000] = '\0';
	assert_int_equal(parse(conf), 1);
	memcpy(conf, "tcache:", 7);
	assert_int_equal(parse(conf), 1);
	while (n < sizeof conf - 64)
		n += (size_t)sprintf(conf + n, "prof_accum:true,");
	assert_int_equal(parse(conf), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(pairs_with_a_meaning_set_our_options),
		alone(junk_and_zero_say_what_blocks_are_filled_with),
		alone(what_check_fills_is_told_as_junk),
		alone(numbers_may_be_of_base_8_10_and_16),
		alone(numbers_beyond_our_bounds_are_narrowed_to_them),
		alone(a_wrong_value_is_told_and_changes_nothing_else),
		alone(an_unknown_key_gets_one_notice),
		alone(all_keys_without_a_meaning_get_one_notice),
		alone(what_is_done_here_anyhow_gets_no_notice),
		alone(the_muzzy_time_is_kept_for_whoever_asks),
		alone(keys_of_any_length_are_told_within_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

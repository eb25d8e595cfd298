/*
 * report.c -- a snapshot in words, and whole reports of each form.
 */
#include <ctype.h>
#include <sys/prctl.h>

#include "base/options.h"
#include "control/snapshots.h"
#include "faults.h"

/* The place behind a line's name and its spaces; NULL: no such line. */
static const char *
find_line(const char *report, const char *name)
{
	const char *at = report;

	for (; at != NULL; at = strchr(at, '\n')) {
		const char *rest;

		at += *at == '\n';
		if (strncmp(at, name, strlen(name)) != 0)
			continue;
		rest = at + strlen(name);
		rest += strspn(rest, " ");
		if (isdigit((unsigned char)*rest))
			return rest;
	}
	return NULL;
}

static unsigned long long
number_of(const char *report, const char *name)
{
	const char *at = find_line(report, name);

	if (at == NULL)
		fail_msg("no line says '%s'", name);
	return strtoull(at, NULL, 10);
}

/* Of the lines that are indented below the one named `above`. */
static unsigned long long
number_below(const char *report, const char *above, const char *name)
{
	const char *at = find_line(report, above);

	if (at == NULL)
		fail_msg("no line says '%s'", above);
	return number_of(at, name);
}

static void
each_sum_has_its_line(void **state)
{
	const char *t = text();

	(void)state;
	assert_int_equal(number_of(t, "allocated"), s.allocated);
	assert_int_equal(number_of(t, "cached in threads"), s.cached);
	assert_int_equal(number_of(t, "on shelves"), s.shelved);
	assert_int_equal(number_of(t, "free in slabs"), s.slab_free);
	assert_int_equal(number_of(t, "active"), s.active);
	assert_int_equal(number_of(t, "free chunks"), snap.npooled);
	assert_int_equal(number_of(t, "lock waits"), s.nlock_waits);
	assert_int_equal(number_of(t, "page faults"), snap.nminor_faults);
	assert_int_equal(number_of(t, "  from disk"), snap.nmajor_faults);
	assert_int_equal(number_of(t, "dirty"), s.dirty);
	assert_int_equal(number_of(t, "mapped"), s.mapped);
	assert_int_equal(number_of(t, "metadata"), s.metadata);
	assert_int_equal(number_of(t, "large blocks"), s.nlarge);
	assert_int_equal(number_of(t, "large bytes"), s.large);
	assert_int_equal(number_of(t, "arenas"), s.narenas);
	assert_int_equal(number_of(t, "threads with a cache"), s.nthreads);
	assert_int_equal(number_of(t, "given back in slabs"), s.slab_away);
	assert_int_equal(number_of(t, "refaults"), s.nrefaults);
}

static void
the_first_line_says_who_speaks(void **state)
{
	(void)state;
	assert_memory_equal(text(),
			    "trimalloc " TRI_VERSION
			    " statistics, process 4711, up 12.3 s\nallocated ",
			    strlen("trimalloc " TRI_VERSION
				   " statistics, process 4711, up 12.3 s\n"
				   "allocated "));
}

static void
the_bill_is_in_percent_of_what_is_resident(void **state)
{
	(void)state;
	assert_null(strstr(text(), "bytes   25.0 %"));
	s.has_residence = true;
	s.residence.resident = 4000012;
	s.untouched = 2000006;
	s.unaccounted = 400001;
	assert_non_null(strstr(text(), "1000003 bytes   25.0 %\n"));
	assert_int_equal(number_of(text(), "less untouched"), 2000006);
	assert_int_equal(number_of(text(), "unaccounted"), 400001);
	assert_non_null(strstr(text(), "400001 bytes   10.0 %\n"));
	assert_non_null(strstr(text(), "4000012 bytes  100.0 %\n"));
	s.unaccounted = -4096;
	assert_int_equal(number_of(text(), "unaccounted, less"), 4096);
	assert_non_null(strstr(xml(), "<unaccounted>-4096</unaccounted>"));
	assert_non_null(strstr(xml(), "<untouched>2000006</untouched>"));
}

static void
of_nothing_resident_everything_is_no_percent(void **state)
{
	(void)state;
	s.has_residence = true;
	assert_non_null(strstr(text(), "1000003 bytes    0.0 %\n"));
}

static void
what_was_done_to_give_memory_back_has_its_lines(void **state)
{
	const char *t = text();

	(void)state;
	assert_int_equal(number_of(t, "trim thread"), 0);
	assert_int_equal(number_below(t, "trim thread", "  its CPU time"),
			 1000313);
	assert_int_equal(number_of(t, "ticks"), s.reclaim.nticks);
	assert_int_equal(number_of(t, "trims by request"), s.reclaim.nforced);
	assert_int_equal(number_of(t, "caches drained"), s.reclaim.ndrains);
	assert_int_equal(number_below(t, "caches drained", "  time"), 1000273);
	assert_int_equal(number_of(t, "demand window"), 4);
	s.has_trim_thread = true;
	assert_int_equal(number_of(text(), "trim thread"), 1);
}

static void
purges_have_their_lines_those_in_slabs_apart(void **state)
{
	const char *t = text();

	(void)state;
	assert_int_equal(number_of(t, "purged"), s.purge.npages * PAGE_BYTES);
	assert_int_equal(number_below(t, "purged", "  calls"), 1000171);
	assert_int_equal(number_below(t, "purged", "  refused"), 1000183);
	assert_int_equal(number_below(t, "purged", "  time"), 1000187);
	assert_int_equal(number_below(t, "purged", "  chunks decommitted"),
			 1000193);
	assert_int_equal(number_of(t, "purged in slabs"),
			 s.reclaim.slabs.npages * PAGE_BYTES);
	assert_int_equal(number_below(t, "purged in slabs", "  calls"),
			 1000291);
	assert_int_equal(number_below(t, "purged in slabs", "  refused"),
			 1000297);
	assert_int_equal(number_below(t, "purged in slabs", "  time"), 1000301);
}

static void
what_the_kernel_was_not_asked_for_has_no_line(void **state)
{
	(void)state;
	assert_null(find_line(text(), "resident"));
	assert_null(find_line(text(), "  in huge pages"));
	assert_null(strstr(xml(), "<resident>"));
	assert_null(strstr(xml(), "<huge>"));
	s.has_residence = true;
	s.residence = (struct os_residence){ 1000333, 1000357 };
	assert_int_equal(number_of(text(), "resident"), 1000333);
	assert_int_equal(number_of(text(), "  in huge pages"), 1000357);
	assert_non_null(strstr(xml(), "<resident>1000333</resident>"));
	assert_non_null(strstr(xml(), "<huge>1000357</huge>"));
}

/* --- tables ------------------------------------------------------------------------ */

static void
each_arena_has_a_line(void **state)
{
	(void)state;
	assert_non_null(strstr(text(),
			       "\n    1       17        1000409      1000423"
			       "      1000427      1000429      1000453"
			       "        1000457  1000507\n"));
}

static void
large_blocks_have_a_line_for_each_power_of_two_in_use(void **state)
{
	(void)state;
	snap.large[20] = (struct large_stats){ 1000511, 1000537 };
	assert_non_null(strstr(
		text(), "\n        1048576     1000511          1000537\n"));
	assert_null(strstr(text(), "\n        2097152"));
}

static void
the_options_in_force_are_told_as_they_are_written(void **state)
{
	(void)state;
	assert_true(options_set("decay_ms", 4321));
	assert_non_null(strstr(text(), "\noptions: narenas:"));
	assert_non_null(strstr(text(), ",decay_ms:4321,"));
	assert_true(options_set("decay_ms", 1000));
}

/* The calling thread's number: a name of it is to be had. */
static void
a_thread_is_told_with_its_name_and_since_when_it_is_idle(void **state)
{
	(void)state;
	snap.nthreads = 1;
	threads[0] = (struct thread_stats){
		.tid = os_thread_id(),
		.arena = 1,
		.cached = 1000541,
		.nfills = 1000547,
		.nflushes = 1000549,
		.ndrains = 1003,
		.is_parked = true,
		.idle_ms = 65432,
	};
	assert_int_equal(prctl(PR_SET_NAME, "a \"name\" <&\n>"), 0);
	assert_non_null(strstr(text(), "\na \"name\" <&?>  "));
	assert_non_null(strstr(text(), "     1    1000541  1000547  1000549"
				       "   1003  idle 65.4 s\n"));
	threads[0].is_parked = false;
	assert_non_null(strstr(text(), "  1000549   1003\n"));
}

/* Their numbers are of no thread, so they have no names. */
static void
of_many_threads_those_that_cache_most_are_told_in_order(void **state)
{
	unsigned long long last = ~0ULL;
	const char *at;
	size_t n = 0;

	(void)state;
	snap.nthreads = NTHREADS;
	for (size_t i = 0; i < NTHREADS; i++)
		threads[i] = (struct thread_stats){
			.tid = 999999999,
			.cached = (i * 7 + 3) % NTHREADS,
		};
	at = strstr(text(), "\nthread ");
	for (at = strchr(at + 1, '\n') + 1; *at == ' '; n++) {
		unsigned long long cached = strtoull(at + 31, NULL, 10);

		assert_true(cached < last);
		last = cached;
		at = strchr(at, '\n') + 1;
	}
	assert_int_equal(n, 50);
	/* 0 + 1 + ... + 9 */
	assert_string_equal(at, "and 10 more with 45 bytes\n");
}

/* --- pressure ---------------------------------------------------------------------- */

static void
without_a_pressure_its_line_says_so(void **state)
{
	(void)state;
	assert_non_null(
		strstr(text(), "\npressure: 0 times; in all gave 0 KiB\n"));
}

static void
a_pressure_that_is_over_says_when_how_long_and_what_it_gave(void **state)
{
	(void)state;
	s.reclaim.pressure = (struct pressure){
		.nevents = 3,
		.begun_ns = 88000000000,
		.ended_ns = 90300000000,
		.usage = 950 * MIB,
		.limit = 1000 * MIB,
		.given_last = 123 * KIB,
		.given = 4567 * KIB,
	};
	assert_non_null(strstr(
		text(), "\npressure: 3 times, the last 12.0 s ago for 2.3 s, "
			"at 950 of 1000 MiB, gave 123 KiB; "
			"in all gave 4567 KiB\n"));
}

static void
a_pressure_that_is_on_says_that_it_is_not_over(void **state)
{
	(void)state;
	s.reclaim.pressure = (struct pressure){
		.level = PRESSURE_CRITICAL,
		.nevents = 1,
		.begun_ns = 99500000000,
		.usage = 950 * MIB,
		.limit = 1000 * MIB,
		.given_last = 123 * KIB,
		.given = 123 * KIB,
	};
	assert_non_null(strstr(
		text(), "\npressure: 1 times, the last 0.5 s ago and not over, "
			"at 950 of 1000 MiB, gave 123 KiB; "
			"in all gave 123 KiB\n"));
}

static void
json_has_the_level_of_the_pressure_in_words(void **state)
{
	static const struct {
		enum pressure_level level;
		const char *word;
	} levels[] = {
		{ PRESSURE_NONE, "\"level\":\"none\"" },
		{ PRESSURE_HIGH, "\"level\":\"high\"" },
		{ PRESSURE_CRITICAL, "\"level\":\"critical\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		s.reclaim.pressure.level = levels[i].level;
		for (size_t k = 0; k < COUNT_OF(levels); k++)
			assert_int_equal(strstr(json(), levels[k].word) != NULL,
					 k == i);
	}
	s.reclaim.pressure.level = PRESSURE_NONE;
}

static size_t
count_lines(const char *t)
{
	size_t n = 0;

	for (; *t != '\0'; t++)
		n += *t == '\n';
	return n;
}

static void
classes_in_use_have_a_line_and_others_have_none(void **state)
{
	size_t n = count_lines(text());

	(void)state;
	assert_non_null(strstr(text(), "       80        1        700       70"
				       "       49"));
	memset(&s.classes[5], 0, sizeof s.classes[5]);
	assert_int_equal(count_lines(text()), n - 1);
}

static void
the_largest_numbers_fit_into_the_room(void **state)
{
	(void)state;
	fill_to_the_brim();
	text();
	xml();
	json();
}

typedef void report_fn(struct text *t, const struct snapshot *);

/* Whole where there is room for it, else its beginning. */
static void
check_in_room(report_fn *report, size_t cap, size_t whole)
{
	struct text t;

	memset(buf, '#', sizeof buf);
	text_init(&t, buf, cap);
	report(&t, &snap);
	assert_int_equal(t.lost, cap < whole);
	assert_true(t.len <= cap);
	assert_int_equal(buf[cap], '#');
}

static void
a_report_that_does_not_fit_is_cut_and_says_so(void **state)
{
	size_t text_bytes = strlen(text()), xml_bytes = strlen(xml());
	size_t json_bytes = strlen(json());

	(void)state;
	for (size_t cap = 0; cap <= max_size(text_bytes, json_bytes); cap++) {
		check_in_room(report_text, cap, text_bytes);
		check_in_room(report_xml, cap, xml_bytes);
		check_in_room(report_json, cap, json_bytes);
	}
}

/* --- whole reports ----------------------------------------------------------------- */

static void
check_whole(enum report_form form, const char *begin, const char *end)
{
	struct report r;
	size_t n = strlen(end);

	assert_true(report_make(form, &r));
	assert_true(r.len <= r.cap && r.len > n);
	assert_memory_equal(r.buf, begin, strlen(begin));
	assert_memory_equal(r.buf + r.len - n, end, n);
	report_drop(&r);
}

static void
a_report_is_made_whole_in_each_form(void **state)
{
	(void)state;
	check_whole(REPORT_TEXT, "trimalloc " TRI_VERSION, "\n");
	check_whole(REPORT_JSON, "{\n\"version\":\"" TRI_VERSION "\"", "}\n");
	check_whole(REPORT_XML, "<malloc version=\"1\">\n", "</malloc>\n");
}

/* The first mapping is the snapshot's, the second the text's. */
static void
without_memory_there_is_no_report(void **state)
{
	struct report r;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		fault_once(OS_CALL_MAP, i);
		assert_false(report_make(REPORT_JSON, &r));
		assert_int_equal(faults_count(OS_CALL_MAP), i);
	}
	faults_none();
	check_whole(REPORT_JSON, "{", "}\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fill_stats)
	const struct CMUnitTest tests[] = {
		TEST(each_sum_has_its_line),
		TEST(the_first_line_says_who_speaks),
		TEST(the_bill_is_in_percent_of_what_is_resident),
		TEST(of_nothing_resident_everything_is_no_percent),
		TEST(each_arena_has_a_line),
		TEST(large_blocks_have_a_line_for_each_power_of_two_in_use),
		TEST(the_options_in_force_are_told_as_they_are_written),
		TEST(a_thread_is_told_with_its_name_and_since_when_it_is_idle),
		TEST(of_many_threads_those_that_cache_most_are_told_in_order),
		TEST(what_was_done_to_give_memory_back_has_its_lines),
		TEST(purges_have_their_lines_those_in_slabs_apart),
		TEST(what_the_kernel_was_not_asked_for_has_no_line),
		TEST(without_a_pressure_its_line_says_so),
		TEST(a_pressure_that_is_over_says_when_how_long_and_what_it_gave),
		TEST(a_pressure_that_is_on_says_that_it_is_not_over),
		TEST(json_has_the_level_of_the_pressure_in_words),
		TEST(classes_in_use_have_a_line_and_others_have_none),
		TEST(the_largest_numbers_fit_into_the_room),
		TEST(a_report_that_does_not_fit_is_cut_and_says_so),
		TEST(a_report_is_made_whole_in_each_form),
		TEST(without_memory_there_is_no_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

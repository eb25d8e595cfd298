/*
 * report.c -- a snapshot in words, and as XML.
 */
#include <ctype.h>

#include "cache/floor.h"
#include "control/report.h"

#define ROOM (128 * KIB)

static char buf[ROOM + 1];
static struct snapshot snap;

/* The sums, of which the reports tell first. */
#define s snap.sum

static void
fill_reclaim(struct reclaim_stats *r)
{
	r->nticks = 1000231;
	r->nforced = 1000249;
	r->ndrains = 1000253;
	r->drain_ns = 1000273999;
	r->slabs = (struct purge_stats){ .npages = 1000289,
					 .ncalls = 1000291,
					 .nfailed = 1000297,
					 .ns = 1000301999 };
	r->window = 4;
}

/* Numbers that tell from which field they come. */
static int
fill_stats(void **state)
{
	(void)state;
	memset(&snap, 0, sizeof snap);
	s.allocated = 1000003;
	s.cached = 1000033;
	s.shelved = 1000211;
	s.slab_free = 1000037;
	s.active = 1000039;
	s.dirty = 1000081;
	s.mapped = 1000099;
	s.metadata = 1000117;
	s.large = 1000121;
	s.nlarge = 1000133;
	s.narenas = 3;
	s.nthreads = 1000151;
	s.slab_away = 1000303;
	s.purge = (struct purge_stats){ .npages = 1000159,
					.ncalls = 1000171,
					.nfailed = 1000183,
					.ns = 1000187999,
					.ndecommitted = 1000193 };
	s.nrefaults = 1000199;
	s.trim_cpu_ns = 1000313999;
	s.now_ns = 100000000000;
	fill_reclaim(&s.reclaim);
	s.classes[5].nslabs = 1;
	s.classes[5].nlive = 700;
	s.classes[5].ncached = 70;
	s.classes[5].nfree = 49;
	return 0;
}

static const char *
text(void)
{
	struct text t;

	text_init(&t, buf, ROOM);
	report_text(&t, &snap);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

static const char *
xml(void)
{
	struct text t;

	text_init(&t, buf, ROOM);
	report_xml(&t, &snap);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

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
fill_to_the_brim(void)
{
	memset(&s, 0xff, sizeof s);
	s.has_trim_thread = s.has_residence = true;
}

static void
the_largest_numbers_fit_into_the_room(void **state)
{
	(void)state;
	fill_to_the_brim();
	text();
	xml();
}

/* --- XML ------------------------------------------------------------------------- */

struct parser {
	const char *at;
	unsigned depth, nelements;
	char open[16][32];
};

static size_t
name_length(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	assert_in_range(n, 1, 31);
	return n;
}

/* name="value" pairs, up to the end of the tag. */
static void
parse_attributes(struct parser *p)
{
	while (*p->at == ' ') {
		p->at++;
		p->at += name_length(p->at);
		assert_memory_equal(p->at, "=\"", 2);
		p->at += 2;
		p->at += strcspn(p->at, "\"<>&");
		assert_int_equal(*p->at, '"');
		p->at++;
	}
}

static void
parse_open(struct parser *p)
{
	size_t n = name_length(p->at);

	assert_true(p->depth < COUNT_OF(p->open));
	memcpy(p->open[p->depth], p->at, n);
	p->open[p->depth][n] = '\0';
	p->at += n;
	p->nelements++;
	parse_attributes(p);
	if (*p->at == '/')
		p->at++;
	else
		p->depth++;
	assert_int_equal(*p->at++, '>');
}

static void
parse_close(struct parser *p)
{
	size_t n = name_length(p->at);

	assert_true(p->depth > 0);
	p->depth--;
	assert_int_equal(strlen(p->open[p->depth]), n);
	assert_memory_equal(p->at, p->open[p->depth], n);
	p->at += n;
	assert_int_equal(*p->at++, '>');
}

/* Dies where the document is not well-formed; its number of elements. */
static unsigned
parse(const char *document)
{
	struct parser p = { .at = document };

	while (*p.at != '\0') {
		if (*p.at != '<') {
			/* Text: digits and white space inside the root. */
			assert_true(isdigit((unsigned char)*p.at) ||
				    isspace((unsigned char)*p.at));
			p.at++;
			continue;
		}
		/* One root. */
		assert_true(p.depth > 0 || p.nelements == 0 || p.at[1] == '/');
		p.at++;
		if (*p.at == '/') {
			p.at++;
			parse_close(&p);
		} else {
			parse_open(&p);
		}
	}
	assert_int_equal(p.depth, 0);
	return p.nelements;
}

static void
the_document_is_well_formed(void **state)
{
	(void)state;
	assert_in_range(parse(xml()), 20, 60);
	fill_to_the_brim();
	assert_in_range(parse(xml()), 120, 200);
	memset(&s, 0, sizeof s);
	assert_in_range(parse(xml()), 20, 60);
}

static void
it_looks_as_glibcs_readers_expect_it(void **state)
{
	const char *x = xml();

	(void)state;
	assert_memory_equal(x, "<malloc version=\"1\">\n<heap nr=\"0\">\n", 35);
	assert_non_null(strstr(x, "<size from=\"65\" to=\"80\" "
				  "total=\"9520\" count=\"119\"/>"));
	assert_non_null(strstr(x, "<total type=\"rest\" "));
	assert_non_null(strstr(x, "<system type=\"current\" "));
	assert_non_null(strstr(x, "<aspace type=\"total\" size=\"1000099\"/>"));
	assert_non_null(strstr(x, "</malloc>\n"));
}

static void
our_own_sums_follow(void **state)
{
	const char *x = xml();

	(void)state;
	assert_non_null(strstr(x, "<allocated>1000003</allocated>"));
	assert_non_null(strstr(x, "<cached>1000033</cached>"));
	assert_non_null(strstr(x, "<shelved>1000211</shelved>"));
	assert_non_null(strstr(x, "<slab_free>1000037</slab_free>"));
	assert_non_null(strstr(x, "<active>1000039</active>"));
	assert_non_null(strstr(x, "<dirty>1000081</dirty>"));
	assert_non_null(strstr(x, "<metadata>1000117</metadata>"));
	assert_non_null(strstr(x, "<arenas>3</arenas>"));
	assert_non_null(strstr(x, "<threads>1000151</threads>"));
	assert_non_null(strstr(x, "<slab_away>1000303</slab_away>"));
}

static void
and_what_was_done_to_give_memory_back(void **state)
{
	const char *x = xml();

	(void)state;
	assert_non_null(strstr(x, "<ticks>1000231</ticks>"));
	assert_non_null(strstr(x, "<trims>1000249</trims>"));
	assert_non_null(strstr(x, "<drains>1000253</drains>"));
	/* (1000159 + 1000289) * 4096, and the latter of them. */
	assert_non_null(strstr(x, "<purged>8193835008</purged>"));
	assert_non_null(
		strstr(x, "<purged_in_slabs>4097183744</purged_in_slabs>"));
	/* 1000193 * 2 MiB */
	assert_non_null(strstr(x, "<decommitted>2097556750336</decommitted>"));
	assert_non_null(strstr(x, "<refaults>1000199</refaults>"));
	assert_non_null(strstr(x, "<trim_cpu_us>1000313</trim_cpu_us>"));
	s.reclaim.pressure.nevents = 1000367;
	s.reclaim.pressure.given = 1000381;
	assert_non_null(
		strstr(xml(), "<pressure_events>1000367</pressure_events>"));
	assert_non_null(
		strstr(xml(), "<pressure_gave>1000381</pressure_gave>"));
}

static void
sizes_of_free_blocks_do_not_overlap(void **state)
{
	unsigned long long last = 0, from, to;
	const char *at;

	(void)state;
	fill_to_the_brim();
	for (at = xml(); (at = strstr(at, "<size from=\"")) != NULL; at++) {
		from = strtoull(at + 12, NULL, 10);
		to = strtoull(strstr(at, "to=\"") + 4, NULL, 10);
		assert_int_equal(from, last + 1);
		assert_true(to >= from);
		last = to;
	}
	assert_int_equal(last, CLASS_SIZE_MAX);
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

	(void)state;
	for (size_t cap = 0; cap <= max_size(text_bytes, xml_bytes); cap++) {
		check_in_room(report_text, cap, text_bytes);
		check_in_room(report_xml, cap, xml_bytes);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fill_stats)
	const struct CMUnitTest tests[] = {
		TEST(each_sum_has_its_line),
		TEST(what_was_done_to_give_memory_back_has_its_lines),
		TEST(purges_have_their_lines_those_in_slabs_apart),
		TEST(what_the_kernel_was_not_asked_for_has_no_line),
		TEST(without_a_pressure_its_line_says_so),
		TEST(a_pressure_that_is_over_says_when_how_long_and_what_it_gave),
		TEST(a_pressure_that_is_on_says_that_it_is_not_over),
		TEST(classes_in_use_have_a_line_and_others_have_none),
		TEST(the_largest_numbers_fit_into_the_room),
		TEST(the_document_is_well_formed),
		TEST(it_looks_as_glibcs_readers_expect_it),
		TEST(our_own_sums_follow),
		TEST(and_what_was_done_to_give_memory_back),
		TEST(sizes_of_free_blocks_do_not_overlap),
		TEST(a_report_that_does_not_fit_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

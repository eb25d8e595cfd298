/*
 * report.c -- a snapshot in words, and as XML.
 */
#include <ctype.h>

#include "cache/floor.h"
#include "control/report.h"

static char buf[REPORT_BYTES + 1];
static struct stats s;

/* Numbers that tell from which field they come. */
static int
fill_stats(void **state)
{
	(void)state;
	memset(&s, 0, sizeof s);
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
	s.purge.npages = 1000159;
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

	text_init(&t, buf, REPORT_BYTES);
	report_text(&t, &s);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

static const char *
xml(void)
{
	struct text t;

	text_init(&t, buf, REPORT_BYTES);
	report_xml(&t, &s);
	assert_false(t.lost);
	buf[t.len] = '\0';
	return buf;
}

/* The number on the line that begins with a name. */
static unsigned long long
number_of(const char *report, const char *name)
{
	const char *at = report;

	while (strncmp(at, name, strlen(name)) != 0 ||
	       at[strlen(name)] != ' ') {
		at = strchr(at, '\n');
		if (at == NULL)
			fail_msg("no line says '%s'", name);
		at++;
	}
	return strtoull(at + strlen(name), NULL, 10);
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
	assert_int_equal(number_of(t, "purged"), s.purge.npages * PAGE_BYTES);
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
	s.has_trim_thread = true;
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

static void
a_report_that_does_not_fit_is_cut_and_says_so(void **state)
{
	struct text t;

	(void)state;
	for (size_t cap = 0; cap < 2000; cap += 7) {
		memset(buf, '#', sizeof buf);
		text_init(&t, buf, cap);
		report_text(&t, &s);
		assert_true(t.lost || t.len < cap);
		assert_int_equal(buf[cap], '#');
		text_init(&t, buf, cap);
		report_xml(&t, &s);
		assert_true(t.lost || t.len < cap);
		assert_int_equal(buf[cap], '#');
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fill_stats)
	const struct CMUnitTest tests[] = {
		TEST(each_sum_has_its_line),
		TEST(classes_in_use_have_a_line_and_others_have_none),
		TEST(the_largest_numbers_fit_into_the_room),
		TEST(the_document_is_well_formed),
		TEST(it_looks_as_glibcs_readers_expect_it),
		TEST(our_own_sums_follow),
		TEST(sizes_of_free_blocks_do_not_overlap),
		TEST(a_report_that_does_not_fit_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * report_xml.c -- a snapshot as malloc_info writes it.
 */
#include <ctype.h>

#include "control/snapshots.h"

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
				    *p.at == '-' ||
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
	assert_in_range(parse(xml()), 40, 80);
	fill_to_the_brim();
	assert_in_range(parse(xml()), 240, 300);
	memset(&s, 0, sizeof s);
	memset(parts, 0, sizeof parts);
	assert_in_range(parse(xml()), 40, 80);
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
	/* Of one heap. */
	at = strstr(xml(), "<heap nr=\"");
	*(char *)(uintptr_t)strstr(at, "</heap>") = '\0';
	for (; (at = strstr(at, "<size from=\"")) != NULL; at++) {
		from = strtoull(at + 12, NULL, 10);
		to = strtoull(strstr(at, "to=\"") + 4, NULL, 10);
		assert_int_equal(from, last + 1);
		assert_true(to >= from);
		last = to;
	}
	assert_int_equal(last, CLASS_SIZE_MAX);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fill_stats)
	const struct CMUnitTest tests[] = {
		TEST(the_document_is_well_formed),
		TEST(it_looks_as_glibcs_readers_expect_it),
		TEST(our_own_sums_follow),
		TEST(and_what_was_done_to_give_memory_back),
		TEST(sizes_of_free_blocks_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

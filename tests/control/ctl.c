/*
 * ctl.c -- mallctl: from names and numbers to rows, lengths, permissions.
 */
#include <errno.h>

#include "control/ctl_row.h"
#include "control/stats.h"
#include "cache/floor.h"

/* --- what every row must be ------------------------------------------------ */

/* The bytes in which two names agree, up to the end of a component. */
static size_t
shared(const char *a, const char *b)
{
	size_t at = 0;

	for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++) {
		if (a[i] == '.')
			at = i + 1;
	}
	return at;
}

static void
rows_that_share_components_stand_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ctl_nrows; i++) {
		size_t least = SIZE_MAX;

		for (size_t j = i + 1; j < ctl_nrows; j++) {
			size_t n = shared(ctl_rows[i].name, ctl_rows[j].name);

			/* What they share may shrink on the way, not grow. */
			if (n > least)
				fail_msg("%s stands too far from %s",
					 ctl_rows[j].name, ctl_rows[i].name);
			least = n < least ? n : least;
			if (strcmp(ctl_rows[i].name, ctl_rows[j].name) == 0)
				fail_msg("%s stands twice", ctl_rows[i].name);
		}
	}
}

/* A row's name with 0 for its indices. */
static const char *
first_of(const struct ctl_row *row)
{
	static char name[128];
	size_t n = 0;

	for (const char *s = row->name; *s != '\0'; s++) {
		name[n++] = *s;
		if (*s == '<') {
			name[n - 1] = '0';
			s = strchr(s, '>');
		}
	}
	name[n] = '\0';
	return name;
}

static void
every_row_is_found_by_its_name_and_its_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ctl_nrows; i++) {
		const char *name = first_of(&ctl_rows[i]);
		size_t mib[CTL_DEPTH], n = CTL_DEPTH;
		struct ctl_call c;

		assert_int_equal(ctl_find(name, &c), 0);
		assert_ptr_equal(c.row, &ctl_rows[i]);
		assert_int_equal(ctl_name_to_mib(name, mib, &n), 0);
		assert_int_equal(mib[n - 1], i);
	}
}

/* --- lengths and permissions -------------------------------------------------- */

static void
a_wrong_length_gets_what_fits_and_einval(void **state)
{
	uint64_t wide = UINT64_MAX;
	uint16_t narrow = 0;
	size_t len = sizeof wide;

	(void)state;
	assert_int_equal(ctl_by_name("arenas.page", &wide, &len, NULL, 0), 0);
	assert_int_equal(wide, PAGE_BYTES);
	len = sizeof narrow;
	assert_int_equal(ctl_by_name("arenas.page", &narrow, &len, NULL, 0),
			 EINVAL);
	assert_int_equal(narrow, PAGE_BYTES);
	assert_int_equal(len, sizeof narrow);
	wide = UINT64_MAX;
	len = sizeof wide;
	assert_int_equal(ctl_by_name("arenas.narenas", &wide, &len, NULL, 0),
			 EINVAL);
	assert_int_equal(len, sizeof(unsigned));
}

static void
what_is_read_only_is_not_written(void **state)
{
	size_t value = 1, len = sizeof value;

	(void)state;
	assert_int_equal(ctl_by_name("arenas.page", NULL, NULL, &value, len),
			 EPERM);
	assert_int_equal(ctl_by_name("arenas.page", &value, &len, &value, len),
			 EPERM);
	assert_int_equal(ctl_by_name("arenas.page", NULL, NULL, NULL, 8),
			 EPERM);
	assert_int_equal(ctl_by_name("arenas.page", NULL, NULL, NULL, 0), 0);
}

static void
a_byte_that_is_neither_0_nor_1_is_no_truth(void **state)
{
	unsigned char byte = 49;
	bool before, after;
	size_t len = sizeof before;

	(void)state;
	assert_int_equal(
		ctl_by_name("background_thread", &before, &len, NULL, 0), 0);
	assert_int_equal(ctl_by_name("background_thread", NULL, NULL, &byte,
				     sizeof byte),
			 EINVAL);
	assert_int_equal(
		ctl_by_name("background_thread", &after, &len, NULL, 0), 0);
	assert_int_equal(before, after);
}

static void
an_action_has_no_value(void **state)
{
	size_t value = 1, len = sizeof value;

	(void)state;
	assert_int_equal(ctl_by_name("arena.0.purge", &value, &len, NULL, 0),
			 EPERM);
	assert_int_equal(ctl_by_name("arena.0.purge", NULL, NULL, &value, len),
			 EPERM);
	assert_int_equal(ctl_by_name("arena.0.purge", NULL, NULL, NULL, 0), 0);
}

/* Not the one after that. Redis purges by it. */
static void
the_index_after_the_last_arena_means_all(void **state)
{
	unsigned narenas;
	size_t len = sizeof narenas;
	size_t mib[3], depth = 3;

	(void)state;
	assert_int_equal(ctl_by_name("arenas.narenas", &narenas, &len, NULL, 0),
			 0);
	assert_int_equal(ctl_name_to_mib("arena.0.purge", mib, &depth), 0);
	mib[1] = narenas;
	assert_int_equal(ctl_by_mib(mib, depth, NULL, NULL, NULL, 0), 0);
	mib[1] = narenas + 1;
	assert_int_equal(ctl_by_mib(mib, depth, NULL, NULL, NULL, 0), ENOENT);
}

static void
what_is_no_name_is_not_found(void **state)
{
	static const char *const names[] = {
		"",
		"x",
		"arenas",
		"arenas.",
		".arenas",
		"arenas.pag",
		"arenas.pages",
		"arenas.page.x",
		"arena..purge",
		"arena.x.purge",
		"arena.-1.purge",
		"arena.99.purge",
		"arena.<i>.purge",
		"arena.99999999999999999999999.purge",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_equal(ctl_by_name(names[i], NULL, NULL, NULL, 0),
				 ENOENT);
}

/* --- numbers -------------------------------------------------------------------- */

static void
a_part_of_a_name_has_a_part_of_the_numbers(void **state)
{
	size_t whole[CTL_DEPTH], part[CTL_DEPTH];
	size_t nwhole = CTL_DEPTH, npart = 2;

	(void)state;
	assert_int_equal(ctl_name_to_mib("arena.0.purge", whole, &nwhole), 0);
	assert_int_equal(nwhole, 3);
	assert_int_equal(ctl_name_to_mib("arena.0.purge", part, &npart), 0);
	assert_int_equal(npart, 2);
	assert_memory_equal(whole, part, sizeof whole[0] * 2);
	npart = CTL_DEPTH;
	assert_int_equal(ctl_name_to_mib("arena.0", part, &npart), 0);
	assert_int_equal(npart, 2);
	assert_memory_equal(whole, part, sizeof whole[0] * 2);
	assert_int_equal(ctl_by_mib(part, npart, NULL, NULL, NULL, 0), ENOENT);
	part[2] = whole[2];
	assert_int_equal(ctl_by_mib(part, 3, NULL, NULL, NULL, 0), 0);
}

static void
an_index_among_the_numbers_may_be_replaced(void **state)
{
	size_t mib[CTL_DEPTH], n = CTL_DEPTH;

	(void)state;
	assert_int_equal(ctl_name_to_mib("arena.0.purge", mib, &n), 0);
	assert_int_equal(mib[1], 0);
	mib[1] = CTL_ARENAS_ALL;
	assert_int_equal(ctl_by_mib(mib, n, NULL, NULL, NULL, 0), 0);
	mib[1] = 99;
	assert_int_equal(ctl_by_mib(mib, n, NULL, NULL, NULL, 0), ENOENT);
	mib[1] = 0;
	mib[0]++;
	assert_int_equal(ctl_by_mib(mib, n, NULL, NULL, NULL, 0), ENOENT);
	assert_int_equal(ctl_by_mib(mib, 0, NULL, NULL, NULL, 0), ENOENT);
}

/* --- the epoch -------------------------------------------------------------------- */

static size_t
read_size(const char *name)
{
	size_t value = 0, len = sizeof value;

	assert_int_equal(ctl_by_name(name, &value, &len, NULL, 0), 0);
	return value;
}

static uint64_t
write_epoch(void)
{
	uint64_t epoch = 1;
	size_t len = sizeof epoch;

	assert_int_equal(ctl_by_name("epoch", &epoch, &len, &epoch, len), 0);
	return epoch;
}

static void
figures_change_with_the_epoch_alone(void)
{
	unsigned cls = size_class(100000);
	uint64_t epoch;
	void *p;

	thread_boot();
	assert_int_equal(read_size("stats.allocated"), 0);
	p = block_alloc(cls);
	assert_int_equal(read_size("stats.allocated"), 0);
	epoch = write_epoch();
	assert_int_equal(read_size("stats.allocated"), class_size(cls));
	block_free(p, cls);
	assert_int_equal(read_size("stats.allocated"), class_size(cls));
	assert_int_equal(write_epoch(), epoch + 1);
	assert_int_equal(read_size("stats.allocated"), 0);
	assert_int_equal(read_size("epoch"), epoch + 1);
}

/* --- for people -------------------------------------------------------------------- */

static void
people_read_values_as_words(void **state)
{
	char buf[128];
	struct text t;

	(void)state;
	text_init(&t, buf, sizeof buf);
	assert_int_equal(ctl_read_text("arenas.page", &t), 0);
	assert_int_equal(t.len, 4);
	assert_memory_equal(buf, "4096", 4);
	assert_int_equal(ctl_read_text("arenas.pages", &t), ENOENT);
	assert_int_equal(ctl_read_text("arena.0.purge", &t), EPERM);
	assert_int_equal(ctl_write_text("arena.0.purge", ""), 0);
	assert_int_equal(ctl_write_text("arena.0.purge", "1"), EINVAL);
	assert_int_equal(ctl_write_text("arenas.page", "1"), EPERM);
	assert_int_equal(ctl_write_text("epoch", "x"), EINVAL);
	assert_int_equal(ctl_write_text("epoch", ""), EINVAL);
	assert_int_equal(ctl_write_text("epoch", "1"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_that_share_components_stand_together),
		cmocka_unit_test(
			every_row_is_found_by_its_name_and_its_numbers),
		cmocka_unit_test(a_wrong_length_gets_what_fits_and_einval),
		cmocka_unit_test(what_is_read_only_is_not_written),
		cmocka_unit_test(a_byte_that_is_neither_0_nor_1_is_no_truth),
		cmocka_unit_test(an_action_has_no_value),
		cmocka_unit_test(the_index_after_the_last_arena_means_all),
		cmocka_unit_test(what_is_no_name_is_not_found),
		cmocka_unit_test(a_part_of_a_name_has_a_part_of_the_numbers),
		cmocka_unit_test(an_index_among_the_numbers_may_be_replaced),
		alone(figures_change_with_the_epoch_alone),
		cmocka_unit_test(people_read_values_as_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * scarcity.c -- is commit charge short by rule?
 */
#include "os/memory.h"
#include "os/tree.h"

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"

static void
the_machine_s_mode(const char *text, bool expected)
{
	tree_put(OVERCOMMIT, text);
	assert_int_equal(os_commit_is_scarce(), expected);
}

static void
a_machine_that_never_overcommits_is_short_of_commit(void **state)
{
	(void)state;
	the_machine_s_mode("0\n", false);
	the_machine_s_mode("1\n", false);
	the_machine_s_mode("2\n", true);
	the_machine_s_mode("2", true);
	/* It may change at any time. */
	the_machine_s_mode("0\n", false);
}

static void
what_is_no_mode_is_none(void **state)
{
	(void)state;
	the_machine_s_mode("", false);
	the_machine_s_mode("\n", false);
	the_machine_s_mode("two\n", false);
	the_machine_s_mode("22\n", false);
	the_machine_s_mode("-2\n", false);
	tree_drop(OVERCOMMIT);
	assert_false(os_commit_is_scarce());
}

static const struct rlimit some = { 100 * GIB, RLIM_INFINITY },
			   none = { RLIM_INFINITY, RLIM_INFINITY };

static void
a_limit_of_data(void)
{
	tree_put(OVERCOMMIT, "0\n");
	assert_int_equal(setrlimit(RLIMIT_DATA, &some), 0);
	assert_true(os_commit_is_scarce());
	assert_int_equal(setrlimit(RLIMIT_DATA, &none), 0);
	assert_false(os_commit_is_scarce());
}

static void
a_limit_of_addresses(void)
{
	tree_put(OVERCOMMIT, "1\n");
	assert_int_equal(setrlimit(RLIMIT_AS, &some), 0);
	assert_true(os_commit_is_scarce());
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	assert_false(os_commit_is_scarce());
}

static void
a_process_with_a_limit_of_data_is_short_of_commit(void **state)
{
	(void)state;
	assert_int_equal(child_status(a_limit_of_data), 0);
}

static void
a_process_with_a_limit_of_addresses_is_too(void **state)
{
	(void)state;
	assert_int_equal(child_status(a_limit_of_addresses), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_tree(a_machine_that_never_overcommits_is_short_of_commit),
		in_tree(what_is_no_mode_is_none),
		in_tree(a_process_with_a_limit_of_data_is_short_of_commit),
		in_tree(a_process_with_a_limit_of_addresses_is_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

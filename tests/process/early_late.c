/*
 * early_late.c -- the library works before it was constructed and after it was
 * destructed.
 *
 * stages (and libstages.so beside it) is a program that allocates from each of
 * the moments of a process's life and writes a line for each to standard
 * output; what it wrote is compared to what should have happened. resolver is
 * another one for the earliest moment of all.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "spawn.h"

static struct outcome outcome;

static void
run(const char *program, const char *conf)
{
	char path[PATH_MAX], preload[2 * PATH_MAX];
	const char *argv[] = { path, NULL };
	struct spawn s = {
		.argv = argv, .preload = preload, .conf = conf, .timeout_s = 60
	};

	snprintf(path, sizeof path, "%s", build_path(program));
	snprintf(preload, sizeof preload, "%s:", library_path());
	strcat(preload, build_path("tests/process/.libs/libstages.so"));
	if (!spawn_run(&s, &outcome))
		fail_msg("%s could not be started: %s", path, outcome.err);
}

static int
run_stages(void **state)
{
	(void)state;
	run("tests/process/stages", NULL);
	return 0;
}

static int
run_resolver(void **state)
{
	(void)state;
	run("tests/process/resolver", NULL);
	return 0;
}

static int
run_resolver_checked(void **state)
{
	(void)state;
	run("tests/process/resolver", "check:full");
	return 0;
}

static void
expect_reached(const char *stage)
{
	char line[64];

	snprintf(line, sizeof line, "%s\n", stage);
	if (strstr(outcome.out, line) == NULL)
		fail_msg("not reached: %s; it ended by %s and said: %s", stage,
			 outcome_describe(&outcome), outcome.err);
}

static void
expect_a_silent_end(void)
{
	if (outcome.timed_out || !WIFEXITED(outcome.status) ||
	    WEXITSTATUS(outcome.status) != 0)
		fail_msg("it ended by %s", outcome_describe(&outcome));
	assert_string_equal(outcome.err, "");
}

static void
blocks_can_be_had_from_an_ifunc_resolver(void **state)
{
	(void)state;
	expect_reached("ifunc resolver");
	expect_reached("main");
	expect_a_silent_end();
}

/* Those blocks have no canary: the option was not known. */
static void
blocks_that_are_older_than_the_options_are_no_broken_ones(void **state)
{
	(void)state;
	expect_reached("ifunc resolver");
	expect_reached("main");
	expect_a_silent_end();
}

static void
blocks_can_be_had_before_any_constructor_ran(void **state)
{
	(void)state;
	expect_reached("preinit array");
}

static void
blocks_can_be_had_in_constructors_that_run_before_the_library_s(void **state)
{
	(void)state;
	expect_reached("first constructor of a library");
	expect_reached("constructor of a library");
	expect_reached("first constructor");
	expect_reached("constructor");
}

static void
early_blocks_are_whole_in_main(void **state)
{
	(void)state;
	expect_reached("main");
}

static void
blocks_can_be_had_and_freed_by_exit_handlers_and_destructors(void **state)
{
	(void)state;
	expect_reached("exit handler");
	expect_reached("destructor");
	expect_reached("last destructor");
}

static void
blocks_can_be_had_and_freed_after_the_library_s_destructors(void **state)
{
	(void)state;
	expect_reached("destructor of a library");
}

static void
such_a_process_ends_in_silence(void **state)
{
	(void)state;
	expect_a_silent_end();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_can_be_had_before_any_constructor_ran),
		cmocka_unit_test(
			blocks_can_be_had_in_constructors_that_run_before_the_library_s),
		cmocka_unit_test(early_blocks_are_whole_in_main),
		cmocka_unit_test(
			blocks_can_be_had_and_freed_by_exit_handlers_and_destructors),
		cmocka_unit_test(
			blocks_can_be_had_and_freed_after_the_library_s_destructors),
		cmocka_unit_test(such_a_process_ends_in_silence),
		cmocka_unit_test_setup(blocks_can_be_had_from_an_ifunc_resolver,
				       run_resolver),
		cmocka_unit_test_setup(
			blocks_that_are_older_than_the_options_are_no_broken_ones,
			run_resolver_checked),
	};

	return cmocka_run_group_tests(tests, run_stages, NULL);
}

/*
 * check.c -- misuse and broken invariants end the process with a sentence.
 */
#include <pthread.h>

#include "base/check.h"
#include "os/os.h"
#include "unit.h"

static void
do_die(void)
{
	die("the roof is gone");
}

static void
dying_says_the_sentence_and_aborts(void **state)
{
	(void)state;
	expect_death(do_die, "trimalloc: the roof is gone\n");
}

static void
do_die_text(void)
{
	char buf[64];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: wall ");
	text_uint(&t, 3);
	text_str(&t, "\n");
	die_text(&t);
}

static void
dying_of_a_text_says_it_as_it_is(void **state)
{
	(void)state;
	expect_death(do_die_text, "trimalloc: wall 3\n");
}

static void
complaining_says_one_line_and_goes_on(void **state)
{
	struct hearing h = hear();
	char said[128];

	(void)state;
	complain("the door is open");
	heard(h, said, sizeof said);
	assert_string_equal(said, "trimalloc: the door is open\n");
}

static void
a_complaint_of_any_length_stays_bounded(void **state)
{
	static char words[4096];
	struct hearing h;
	char said[2048];

	(void)state;
	memset(words, 'x', sizeof words - 1);
	h = hear();
	complain(words);
	heard(h, said, sizeof said);
	assert_true(strlen(said) <= 512);
	assert_memory_equal(said, "trimalloc: xxxx", 15);
}

static void
do_ensure(void)
{
	ensure(1 + 1 == 2, "arithmetic is gone");
	ensure(1 + 1 == 3, "the kernel broke its word");
}

static void
ensure_dies_where_its_condition_does_not_hold(void **state)
{
	(void)state;
	expect_death(do_ensure, "trimalloc: the kernel broke its word\n");
}

static void
do_invariant(void)
{
	invariant(1 + 1 == 2);
	invariant(1 + 1 == 3);
}

static void
a_broken_invariant_names_itself_and_its_place(void **state)
{
	(void)state;
	expect_death(do_invariant, "invariant broken: 1 + 1 == 3 at ");
	expect_death(do_invariant, "check.c:");
}

/* --- a thread with a table of files of its own: it has no stderr ------------------ */

static void
in_a_thread(void *(*f)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, f, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *
complain_without_files(void *arg)
{
	(void)arg;
	os_own_files();
	complain("the cellar is wet");
	return NULL;
}

static void *
die_without_files(void *arg)
{
	(void)arg;
	os_own_files();
	die("the cellar is gone");
}

static void
do_die_in_a_thread(void)
{
	in_a_thread(die_without_files);
}

static void
a_thread_with_files_of_its_own_complains_where_the_others_do(void **state)
{
	struct hearing h = hear();
	char said[128];

	(void)state;
	in_a_thread(complain_without_files);
	heard(h, said, sizeof said);
	assert_string_equal(said, "trimalloc: the cellar is wet\n");
}

static void
and_it_dies_with_its_sentence(void **state)
{
	(void)state;
	expect_death(do_die_in_a_thread, "trimalloc: the cellar is gone\n");
}

static void
do_complain_without_stderr(void)
{
	assert_int_equal(close(STDERR_FILENO), 0);
	complain("nobody hears it");
}

static void
without_stderr_a_complaint_is_lost_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(child_status(do_complain_without_stderr), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dying_says_the_sentence_and_aborts),
		cmocka_unit_test(dying_of_a_text_says_it_as_it_is),
		cmocka_unit_test(complaining_says_one_line_and_goes_on),
		cmocka_unit_test(a_complaint_of_any_length_stays_bounded),
		cmocka_unit_test(ensure_dies_where_its_condition_does_not_hold),
		cmocka_unit_test(a_broken_invariant_names_itself_and_its_place),
		cmocka_unit_test(
			a_thread_with_files_of_its_own_complains_where_the_others_do),
		cmocka_unit_test(and_it_dies_with_its_sentence),
		cmocka_unit_test(
			without_stderr_a_complaint_is_lost_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * arena.c -- the capped set of arenas. os_ncpus() is wrapped at link time.
 */
#include "base/options.h"
#include "heap/arena.h"
#include "unit.h"

unsigned __wrap_os_ncpus(void);

static unsigned ncpus = 4, nasked;

unsigned
__wrap_os_ncpus(void)
{
	nasked++;
	return ncpus;
}

static void
the_first_thread_gets_the_first_arena_without_asking(void)
{
	assert_ptr_equal(arena_choose(), &arenas[0]);
	assert_int_equal(nasked, 0);
	assert_int_equal(arena_count(), 1);
}

static void
threads_get_as_many_arenas_as_there_are_cpus_in_turn(void)
{
	for (unsigned i = 0; i < 40; i++)
		assert_ptr_equal(arena_choose(), &arenas[i % 4]);
	assert_int_equal(arena_count(), 4);
	assert_int_equal(nasked, 1);
}

static void
arenas_are_counted_as_they_come_into_use(void)
{
	static const unsigned expected[] = { 1, 2, 3, 4, 4, 4 };

	assert_int_equal(arena_count(), 1);
	for (unsigned i = 0; i < COUNT_OF(expected); i++) {
		arena_choose();
		assert_int_equal(arena_count(), expected[i]);
	}
}

static void
many_cpus_get_eight_arenas(void)
{
	ncpus = 128;
	for (unsigned i = 0; i < 1000; i++)
		assert_ptr_equal(arena_choose(), &arenas[i % 8]);
	assert_int_equal(arena_count(), 8);
}

static void
one_cpu_gets_one_arena(void)
{
	ncpus = 1;
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(arena_choose(), &arenas[0]);
	assert_int_equal(arena_count(), 1);
}

static void
the_option_says_how_many_whatever_the_cpus(void)
{
	assert_true(options_set("narenas", 64));
	for (unsigned i = 0; i < 1000; i++)
		assert_ptr_equal(arena_choose(), &arenas[i % 64]);
	assert_int_equal(arena_count(), 64);
	assert_int_equal(nasked, 0);
}

static void
fewer_arenas_than_before_leave_the_old_ones_counted(void)
{
	assert_true(options_set("narenas", 8));
	for (unsigned i = 0; i < 8; i++)
		arena_choose();
	assert_true(options_set("narenas", 2));
	for (unsigned i = 0; i < 20; i++)
		assert_true(arena_choose() <= &arenas[1]);
	/* Their blocks are still out. */
	assert_int_equal(arena_count(), 8);
}

static void
an_address_names_the_arena_it_came_from(void)
{
	bool is_zero;

	for (unsigned i = 0; i < ARENAS_MAX; i += 21) {
		char *p = pageheap_alloc(&arenas[i].pages, 600, 1, &is_zero);

		assert_non_null(p);
		assert_ptr_equal(arena_of(p), &arenas[i]);
		assert_ptr_equal(arena_of(p + 599 * PAGE_BYTES), &arenas[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(the_first_thread_gets_the_first_arena_without_asking),
		alone(threads_get_as_many_arenas_as_there_are_cpus_in_turn),
		alone(arenas_are_counted_as_they_come_into_use),
		alone(many_cpus_get_eight_arenas),
		alone(one_cpu_gets_one_arena),
		alone(the_option_says_how_many_whatever_the_cpus),
		alone(fewer_arenas_than_before_leave_the_old_ones_counted),
		alone(an_address_names_the_arena_it_came_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

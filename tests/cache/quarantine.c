/*
 * quarantine.c -- freed blocks that wait: which, how long, and what is found
 * when they leave.
 */
#include "cache/floor.h"
#include "cache/quarantine.h"
#include "faults.h"
#include "heap/tail.h"

#define POISON TAIL_POISON

static unsigned cls;

static void
boot(size_t max_bytes, size_t max_blocks)
{
	thread_boot();
	tail_boot(12345);
	cls = size_class(128);
	quarantine_boot(max_bytes, max_blocks, POISON);
}

/* A freed block of n bytes, as free() leaves it. */
static char *
freed_of(unsigned c, size_t n)
{
	char *p = block_alloc(c);

	memset(p, POISON, n);
	tail_seal(p, class_size(c), n, TAIL_FREED);
	return p;
}

static char *
freed(void)
{
	return freed_of(cls, 100);
}

static void
put(char *p)
{
	assert_true(quarantine_put(p, cls));
}

/* --- which of them wait ------------------------------------------------------------ */

static struct {
	const void *p[1000];
	size_t n;
} waiting;

static void
note(const void *p, unsigned c, void *arg)
{
	(void)c;
	assert_null(arg);
	waiting.p[waiting.n++] = p;
}

static size_t
nwaiting(void)
{
	waiting.n = 0;
	quarantine_look(note, NULL);
	return waiting.n;
}

static void
without_a_boot_none_waits(void)
{
	boot(0, 1000);
	assert_false(quarantine_put(freed(), cls));
	quarantine_boot(1000, 0, POISON);
	assert_false(quarantine_put(freed(), cls));
	assert_int_equal(nwaiting(), 0);
	quarantine_empty();
}

static void
without_memory_for_the_queue_none_waits(void)
{
	fault_once(OS_CALL_MAP, 1);
	quarantine_boot(1 * MIB, 1000, POISON);
	faults_none();
	boot(0, 0);
	assert_false(quarantine_put(freed(), cls));
	assert_int_equal(nwaiting(), 0);
	quarantine_empty();
}

static void
who_came_first_leaves_first(void)
{
	char *p[7];

	boot(1 * MIB, 3);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		put(p[i] = freed());
	assert_int_equal(nwaiting(), 3);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(waiting.p[i], p[4 + i]);
}

static void
no_more_bytes_wait_than_may(void)
{
	char *last = NULL;

	boot(4 * 128 + 127, 1000);
	for (unsigned i = 0; i < 10; i++)
		put(last = freed());
	assert_int_equal(nwaiting(), 4);
	assert_ptr_equal(waiting.p[3], last);
}

static void
a_block_of_more_bytes_than_may_wait_does_not(void)
{
	unsigned large = size_class(1000);

	boot(512, 1000);
	put(freed());
	assert_false(quarantine_put(freed_of(large, 900), large));
	assert_int_equal(nwaiting(), 1);
}

/* More than leave at a time. */
static void
a_large_block_has_as_many_leave_as_it_needs(void)
{
	unsigned large = size_class(16 * KIB);
	char *p;

	boot(500 * 128, 1000);
	for (unsigned i = 0; i < 500; i++)
		put(freed());
	assert_int_equal(nwaiting(), 500);
	p = freed_of(large, 16000);
	assert_true(quarantine_put(p, large));
	assert_int_equal(nwaiting(), 500 - class_size(large) / 128 + 1);
	assert_ptr_equal(waiting.p[waiting.n - 1], p);
}

static void
when_it_is_emptied_all_leave_and_are_used_again(void)
{
	char *p;
	bool was_seen = false;

	boot(1 * MIB, 1000);
	put(p = freed());
	for (unsigned i = 0; i < 300; i++)
		put(freed());
	quarantine_empty();
	assert_int_equal(nwaiting(), 0);
	for (unsigned i = 0; i < 1000 && !was_seen; i++)
		was_seen = block_alloc(cls) == p;
	assert_true(was_seen);
}

/* --- what is found ------------------------------------------------------------------- */

/* A block that something happens to while it waits. */
static char *
waits(void)
{
	char *p;

	boot(1 * MIB, 1000);
	put(p = freed());
	return p;
}

static void
do_write_inside(void)
{
	waits()[7] = 1;
	quarantine_empty();
}

static void
do_write_behind(void)
{
	waits()[100] ^= 1;
	quarantine_empty();
}

static void
do_write_over_all_behind(void)
{
	memset(waits() + 100, 1, 28);
	quarantine_empty();
}

static void
do_seal_as_live(void)
{
	tail_seal(waits(), 128, 100, TAIL_LIVE);
	quarantine_empty();
}

static void
do_push_out_written(void)
{
	boot(1 * MIB, 1);
	put(freed());
	put(freed());
	quarantine_empty();
	put(freed());
	nwaiting();
	((char *)(uintptr_t)waiting.p[0])[99] = 1;
	put(freed());
}

static void
who_writes_to_a_block_that_waits_is_found_when_it_leaves(void **state)
{
	(void)state;
	expect_death(do_write_inside,
		     "was written to after it was freed, at byte 7 of 100");
	expect_death(do_write_behind,
		     "was written to after it was freed, at byte 100 of 100");
	expect_death(do_write_over_all_behind,
		     "was written to after it was freed, behind its end");
	expect_death(do_seal_as_live,
		     "was written to after it was freed, at byte 0 of 100");
	expect_death(do_push_out_written,
		     "was written to after it was freed, at byte 99 of 100");
}

static void
do_write_behind_unpoisoned(void)
{
	char *p;

	boot(0, 0);
	quarantine_boot(1 * MIB, 10, QUARANTINE_ANY);
	put(p = freed());
	p[50] = 1;
	quarantine_empty();
	put(p = freed());
	p[50] = 1;
	p[100] ^= 1;
	quarantine_empty();
}

static void
without_poison_what_stands_behind_it_alone_is_looked_at(void **state)
{
	(void)state;
	expect_death(do_write_behind_unpoisoned,
		     "was written to after it was freed, at byte 100 of 100");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(without_a_boot_none_waits),
		alone(without_memory_for_the_queue_none_waits),
		alone(who_came_first_leaves_first),
		alone(no_more_bytes_wait_than_may),
		alone(a_block_of_more_bytes_than_may_wait_does_not),
		alone(a_large_block_has_as_many_leave_as_it_needs),
		alone(when_it_is_emptied_all_leave_and_are_used_again),
		cmocka_unit_test(
			who_writes_to_a_block_that_waits_is_found_when_it_leaves),
		cmocka_unit_test(
			without_poison_what_stands_behind_it_alone_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

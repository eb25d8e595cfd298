/*
 * trim_poll.c -- a process without a trim thread: its frees do the ticks, or
 * find that a thread is wanted.
 */
#include <errno.h>

#include "control/ticks.h"
#include "control/trim.h"

/* --- the process ------------------------------------------------------------------- */

int __wrap_os_pid(void);

static int pid = 1000;

int
__wrap_os_pid(void)
{
	return pid;
}

static int
refuse(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
       void *arg)
{
	(void)thread, (void)attr, (void)start, (void)arg;
	return EAGAIN;
}

/* It never runs. */
static int
pretend(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
	void *arg)
{
	(void)attr, (void)start, (void)arg;
	*thread = pthread_self();
	return 0;
}

/* A process whose constructors have run, with one thread. */
static void
boot(void)
{
	thread_boot();
	thread_enter();
	trim_boot();
}

/* --- polls ------------------------------------------------------------------------- */

/* Polls at a time; the pages of `p` that are resident then. */
static size_t
resident_at(uint64_t ms, const char *p)
{
	atomic_store(&now_ns, ms * NS_PER_MS);
	trim_poll();
	return resident_pages(p, MUCH);
}

static void
a_tick_is_a_quarter_of_the_decay(void)
{
	const char *p = soil(MUCH);

	resident_at(1000, p);
	assert_int_equal(stats().nticks, 1);
	resident_at(1249, p);
	assert_int_equal(stats().nticks, 1);
	resident_at(1250, p);
	assert_int_equal(stats().nticks, 2);
}

static void
a_page_goes_after_its_decay_and_not_at_once(void)
{
	const char *p = soil(MUCH);

	assert_int_equal(resident_at(1000, p), MUCH);
	assert_int_equal(resident_at(1250, p), MUCH);
	/* The pause of a burst is less than half of the decay. */
	assert_int_equal(resident_at(1499, p), MUCH);
	resident_at(1500, p);
	resident_at(1750, p);
	assert_int_equal(resident_at(2000, p), 0);
	assert_int_equal(reclaim_ndirty(), 0);
}

static void
pages_of_a_burst_that_comes_back_stay(void)
{
	char *p = soil(MUCH);
	uint64_t ms = 1000;

	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(resident_at(ms += 250, p), MUCH);
		soil_again(p, MUCH);
	}
	for (unsigned i = 0; i < 4; i++)
		resident_at(ms += 250, p);
	assert_int_equal(resident_pages(p, MUCH), 0);
}

/* As after a checkpoint that is restored on a machine that began just now. */
static void
after_the_clock_went_back_pages_go_in_their_time(void)
{
	char *p = soil(MUCH);

	assert_int_equal(resident_at(7200000, p), MUCH);
	for (uint64_t ms = 10; ms <= 1010; ms += 250)
		resident_at(ms, p);
	assert_int_equal(resident_pages(p, MUCH), 0);
}

static void
after_it_leapt_ahead_one_tick_is_made_and_no_more(void)
{
	char *p = soil(MUCH);

	assert_int_equal(resident_at(1000, p), MUCH);
	assert_int_equal(resident_at(7200000, p), MUCH);
	assert_int_equal(resident_at(7200001, p), MUCH);
	assert_int_equal(stats().nticks, 2);
}

static void
little_dirty_memory_is_not_worth_a_tick(void)
{
	soil(100);
	for (unsigned i = 1; i < 10; i++) {
		atomic_store(&now_ns, i * 1000 * NS_PER_MS);
		trim_poll();
	}
	assert_int_equal(stats().nticks, 0);
}

static void
a_decay_of_zero_purges_at_once(void)
{
	char *p = soil(10);

	assert_true(options_set("decay_ms", 0));
	trim_poll();
	assert_int_equal(resident_pages(p, 10), 0);
}

static void
a_decay_of_never_purges_nothing(void)
{
	char *p = soil(MUCH);

	assert_true(options_set("decay_ms", -1));
	for (unsigned i = 1; i < 10; i++) {
		atomic_store(&now_ns, i * 3600000 * NS_PER_MS);
		trim_poll();
	}
	assert_int_equal(resident_pages(p, MUCH), MUCH);
	assert_int_equal(trim_now(), MUCH * PAGE_BYTES);
}

static void
slabs_in_which_much_was_freed_are_worth_a_tick_too(void)
{
	char *slab = scatter(16 * MIB / SLAB_BYTES);

	for (uint64_t ms = 1000; ms <= 2000; ms += 250) {
		atomic_store(&now_ns, ms * NS_PER_MS);
		trim_poll();
	}
	assert_int_equal(resident_in_slab(slab), 1);
}

static void
polls_leave_caches_to_their_owners(void)
{
	boot();
	keep_some(NULL);
	for (uint64_t ms = 1000; ms <= 10000; ms += 250) {
		soil(MUCH);
		atomic_store(&now_ns, ms * NS_PER_MS);
		trim_poll();
	}
	assert_true(stats().nticks > 30);
	assert_true(cached_bytes() > 0);
}

static void
polls_near_a_memory_limit_give_everything(void)
{
	char *p = soil(MUCH);

	use_mib(950);
	assert_int_equal(resident_at(1000, p), 0);
	/* From the next one on they come five times as often. */
	soil_again(p, MUCH);
	assert_int_equal(resident_at(1250, p), 0);
	soil_again(p, MUCH);
	assert_int_equal(resident_at(1299, p), MUCH);
	assert_int_equal(resident_at(1300, p), 0);
}

static void
beside_a_thread_nobody_polls(void)
{
	char *p = soil(MUCH);

	boot();
	trim_start(pretend);
	for (uint64_t ms = 1000; ms <= 10000; ms += 250)
		assert_int_equal(resident_at(ms, p), MUCH);
	assert_int_equal(stats().nticks, 0);
}

/* --- is a thread wanted? --------------------------------------------------------------- */

static void
some_mebibytes_of_free_memory_want_a_thread_and_less_do_not(void)
{
	boot();
	assert_false(trim_is_wanted());
	soil(100);
	assert_false(trim_is_wanted());
	soil(MUCH);
	assert_true(trim_is_wanted());
}

static void
before_the_constructors_have_run_none_is_wanted(void)
{
	thread_boot();
	thread_enter();
	soil(MUCH);
	assert_false(trim_is_wanted());
	trim_boot();
	assert_true(trim_is_wanted());
}

static void
where_there_is_one_no_other_is_wanted(void)
{
	boot();
	soil(MUCH);
	trim_start(pretend);
	assert_false(trim_is_wanted());
}

static void
where_it_is_switched_off_none_is_wanted(void)
{
	assert_true(options_set("trim_thread", 0));
	boot();
	soil(MUCH);
	assert_false(trim_is_wanted());
}

/* A process that may start none would ask for one at each free. */
static void
after_a_start_that_failed_none_is_wanted(void)
{
	boot();
	soil(MUCH);
	trim_start(refuse);
	assert_false(trim_is_wanted());
	/* Its frees poll instead. */
	trim_poll();
	assert_int_equal(stats().nticks, 1);
}

/* It shares our memory: its thread would be its parent's. */
static void
in_the_child_of_a_vfork_none_is_wanted(void)
{
	boot();
	soil(MUCH);
	pid++;
	assert_false(trim_is_wanted());
	pid--;
	assert_true(trim_is_wanted());
}

static void
in_the_child_of_a_fork_one_is(void)
{
	boot();
	soil(MUCH);
	trim_start(pretend);
	pid++;
	trim_forget_thread();
	assert_true(trim_is_wanted());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(a_tick_is_a_quarter_of_the_decay),
		alone(a_page_goes_after_its_decay_and_not_at_once),
		alone(pages_of_a_burst_that_comes_back_stay),
		alone(after_the_clock_went_back_pages_go_in_their_time),
		alone(after_it_leapt_ahead_one_tick_is_made_and_no_more),
		alone(little_dirty_memory_is_not_worth_a_tick),
		alone(a_decay_of_zero_purges_at_once),
		alone(a_decay_of_never_purges_nothing),
		alone(slabs_in_which_much_was_freed_are_worth_a_tick_too),
		alone(polls_leave_caches_to_their_owners),
		alone(polls_near_a_memory_limit_give_everything),
		alone(beside_a_thread_nobody_polls),
		alone(some_mebibytes_of_free_memory_want_a_thread_and_less_do_not),
		alone(before_the_constructors_have_run_none_is_wanted),
		alone(where_there_is_one_no_other_is_wanted),
		alone(where_it_is_switched_off_none_is_wanted),
		alone(after_a_start_that_failed_none_is_wanted),
		alone(in_the_child_of_a_vfork_none_is_wanted),
		alone(in_the_child_of_a_fork_one_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

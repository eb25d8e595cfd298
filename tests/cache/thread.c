/*
 * thread.c -- a thread's cache from its first block to its last.
 */
#include <limits.h>

#include "cache/floor.h"
#include "faults.h"
#include "pages/meta.h"

#define CLS 7u

static size_t
nused(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < ARENAS_MAX; i++)
		n += arenas[i].bins[CLS].nused;
	return n;
}

static void *
allocate_and_free(void *arg)
{
	void *p[100];

	(void)arg;
	for (size_t i = 0; i < 100; i++)
		p[i] = block_alloc(CLS);
	for (size_t i = 0; i < 100; i++)
		block_free(p[i], CLS);
	return NULL;
}

static void
run_thread(void *(*f)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, f, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
touch(void *arg)
{
	allocate_and_free(arg);
}

/* --- birth and death ---------------------------------------------------------- */

static void
threads_without_a_block_have_no_cache(void)
{
	struct helper h;

	thread_boot();
	helper_start(&h);
	assert_int_equal(thread_count(), 0);
	helper_do(&h, touch, NULL);
	assert_int_equal(thread_count(), 1);
	allocate_and_free(NULL);
	assert_int_equal(thread_count(), 2);
	helper_end(&h);
	assert_int_equal(thread_count(), 1);
}

static void
what_a_thread_kept_goes_back_at_its_end(void)
{
	size_t carved, idle;

	thread_boot();
	run_thread(allocate_and_free, NULL);
	assert_int_equal(thread_count(), 0);
	assert_int_equal(nused(), 0);
	for (unsigned i = 0; i < ARENAS_MAX; i++)
		bin_trim(&arenas[i].bins[CLS], false);
	meta_usage(&carved, &idle);
	assert_true(carved > 0);
	assert_int_equal(carved, idle);
}

static void
many_threads_in_turn_leave_no_more_than_one(void)
{
	size_t carved, more, idle;

	thread_boot();
	run_thread(allocate_and_free, NULL);
	run_thread(allocate_and_free, NULL);
	meta_usage(&carved, &idle);
	for (unsigned i = 0; i < 200; i++)
		run_thread(allocate_and_free, NULL);
	meta_usage(&more, &idle);
	assert_true(more <= carved + 64 * KIB);
	assert_int_equal(nused(), 0);
}

static pthread_key_t key;
static bool had_cache[8];

/* A program's own destructor, which comes back as often as it is asked to. */
static void
destroy(void *value)
{
	uintptr_t round = (uintptr_t)value;

	allocate_and_free(NULL);
	had_cache[round] = tcache_anchor.phase == PHASE_LIVE;
	if (round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(key, (void *)(round + 1));
}

/* As our pthread_create begins a thread. */
static void *
leave_a_value(void *arg)
{
	thread_enter();
	pthread_setspecific(key, (void *)1);
	return allocate_and_free(arg);
}

/* The first block of all is a destructor's. */
static void *
leave_a_value_only(void *arg)
{
	if (arg != NULL)
		thread_enter();
	pthread_setspecific(key, (void *)1);
	return NULL;
}

static void
destructors_of_the_program_may_allocate(void)
{
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	thread_boot();
	run_thread(leave_a_value, NULL);
	assert_true(had_cache[1]);
	assert_true(had_cache[2]);
	assert_int_equal(thread_count(), 0);
	assert_int_equal(nused(), 0);
}

/* A destructor that runs when the cache has gone already. */
static void
destructors_after_the_end_of_the_cache_may_allocate(void)
{
	thread_boot();
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	run_thread(leave_a_value, NULL);
	assert_int_equal(thread_count(), 0);
	assert_int_equal(nused(), 0);
}

static void
a_first_block_in_a_destructor_leaves_nothing_behind(void)
{
	static char entered;

	thread_boot();
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	run_thread(leave_a_value_only, &entered);
	run_thread(leave_a_value_only, NULL);
	assert_int_equal(thread_count(), 0);
	assert_int_equal(thread_live(), 0);
	assert_int_equal(nused(), 0);
}

static void *
enter_and_end(void *arg)
{
	thread_enter();
	thread_enter();
	*(size_t *)arg = thread_live();
	return NULL;
}

static void
threads_that_entered_are_counted_until_they_end(void)
{
	size_t live = 0;

	thread_enter();
	assert_int_equal(thread_live(), 0);
	thread_boot();
	thread_enter();
	assert_int_equal(thread_live(), 1);
	run_thread(enter_and_end, &live);
	assert_int_equal(live, 2);
	assert_int_equal(thread_live(), 1);
	/* A cache counts as having entered. */
	run_thread(allocate_and_free, NULL);
	assert_int_equal(thread_live(), 1);
}

static void *
allocate_without_records(void *arg)
{
	void *p, **out = arg;

	fault_for_good(OS_CALL_MAP, 1);
	while (meta_alloc(64) != NULL)
		continue;
	p = block_alloc(CLS);
	assert_non_null(p);
	assert_null(tcache_anchor.own);
	faults_none();
	*out = block_alloc(CLS);
	assert_non_null(tcache_anchor.own);
	block_free(p, CLS);
	block_free(*out, CLS);
	return NULL;
}

static void
a_birth_that_fails_is_tried_again(void)
{
	void *p;

	/* A slab with free slots, before records are used up. */
	p = block_alloc(CLS);
	thread_boot();
	run_thread(allocate_without_records, &p);
	assert_int_equal(thread_count(), 0);
	assert_int_equal(nused(), 1);
}

/* --- visits --------------------------------------------------------------------- */

#define NHELPERS 5

static struct helper helpers[NHELPERS];

static void
start_helpers(void)
{
	thread_boot();
	for (size_t i = 0; i < NHELPERS; i++) {
		helper_start(&helpers[i]);
		helper_do(&helpers[i], touch, NULL);
	}
}

static void
end_helpers(void)
{
	for (size_t i = 0; i < NHELPERS; i++)
		helper_end(&helpers[i]);
}

static struct tcache *seen[64];
static size_t nseen;

/* One visit; false at the end of the round. */
static bool
visit(void)
{
	struct tcache *c = thread_visit();

	if (c == NULL)
		return false;
	assert_int_equal(atomic_load(&c->lock.state), 1);
	lock_drop(&c->lock, LOCK_CACHE);
	for (size_t i = 0; i < nseen; i++)
		assert_ptr_not_equal(seen[i], c);
	assert_true(nseen < COUNT_OF(seen));
	seen[nseen++] = c;
	return true;
}

static void
begin_round(void)
{
	nseen = 0;
	thread_begin_round();
}

static void
finish_round(void)
{
	while (visit())
		continue;
	thread_end_round();
}

static void
a_round_visits_each_cache_once(void)
{
	start_helpers();
	for (unsigned i = 0; i < 3; i++) {
		begin_round();
		finish_round();
		assert_int_equal(nseen, NHELPERS);
	}
	end_helpers();
}

static void
a_round_that_was_given_up_leaves_the_next_one_whole(void)
{
	start_helpers();
	for (unsigned i = 0; i <= NHELPERS; i++) {
		begin_round();
		for (unsigned k = 0; k < i; k++)
			assert_true(visit());
		thread_end_round();
		begin_round();
		finish_round();
		assert_int_equal(nseen, NHELPERS);
	}
	end_helpers();
}

static void
without_caches_a_round_is_over_at_once(void)
{
	thread_boot();
	begin_round();
	assert_false(visit());
	thread_end_round();
}

static _Atomic bool second_round_is_over;

static void *
second_round(void *arg)
{
	struct tcache *c;

	thread_begin_round();
	while ((c = thread_visit()) != NULL)
		lock_drop(&c->lock, LOCK_CACHE);
	thread_end_round();
	atomic_store(&second_round_is_over, true);
	return arg;
}

static void
another_round_waits_for_the_end_of_this_one(void)
{
	pthread_t thread;

	start_helpers();
	begin_round();
	assert_true(visit());
	assert_int_equal(pthread_create(&thread, NULL, second_round, NULL), 0);
	for (unsigned i = 0; i < 1000; i++)
		os_yield();
	assert_false(atomic_load(&second_round_is_over));
	finish_round();
	assert_int_equal(nseen, NHELPERS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(atomic_load(&second_round_is_over));
	end_helpers();
}

static void
a_cache_born_during_a_round_does_not_end_it(void)
{
	struct helper late;

	start_helpers();
	begin_round();
	assert_true(visit());
	helper_start(&late);
	helper_do(&late, touch, NULL);
	finish_round();
	assert_in_range(nseen, NHELPERS, NHELPERS + 1);
	helper_end(&late);
	end_helpers();
}

static void
a_cache_that_dies_during_a_round_ends_it_for_no_other(void)
{
	start_helpers();
	begin_round();
	assert_true(visit());
	assert_true(visit());
	helper_end(&helpers[0]);
	finish_round();
	/* The dead one may have been visited before. */
	assert_in_range(nseen, NHELPERS - 1, NHELPERS);
	for (size_t i = 1; i < NHELPERS; i++)
		helper_end(&helpers[i]);
}

/* --- fork ------------------------------------------------------------------------ */

static void
expect_parked(const struct tcache *c)
{
	assert_true(c->is_parked);
	assert_ptr_equal(atomic_load(&c->anchor->cache), &tcache_closed);
}

static struct tcache *found;

static void
find_own(void *arg)
{
	(void)arg;
	found = cache_own();
}

static void
held_caches_are_closed_but_the_callers(void)
{
	struct tcache *c;

	start_helpers();
	allocate_and_free(NULL);
	helper_do(&helpers[0], find_own, NULL);
	thread_hold_all();
	expect_parked(found);
	c = cache_enter();
	cache_leave();
	assert_ptr_equal(c, tcache_anchor.own);
	thread_release_all();
	/* All work on. */
	for (size_t i = 0; i < NHELPERS; i++)
		helper_do(&helpers[i], touch, NULL);
	allocate_and_free(NULL);
	end_helpers();
}

static void
check_child(void)
{
	/* What five threads kept is free; our own is as it was. */
	assert_int_equal(thread_count(), 1);
	assert_int_equal(nused(),
			 cache_bin_count(&tcache_anchor.own->bins[CLS]));
	allocate_and_free(NULL);
	run_thread(allocate_and_free, NULL);
	assert_int_equal(thread_count(), 1);
}

static void
a_child_has_its_own_cache_and_the_others_blocks(void)
{
	int status;
	pid_t pid;

	start_helpers();
	allocate_and_free(NULL);
	thread_hold_all();
	pid = fork();
	if (pid == 0) {
		thread_child_release();
		check_child();
		_exit(0);
	}
	thread_release_all();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(thread_count(), NHELPERS + 1);
	end_helpers();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(threads_without_a_block_have_no_cache),
		alone(what_a_thread_kept_goes_back_at_its_end),
		alone(many_threads_in_turn_leave_no_more_than_one),
		alone(destructors_of_the_program_may_allocate),
		alone(destructors_after_the_end_of_the_cache_may_allocate),
		alone(a_first_block_in_a_destructor_leaves_nothing_behind),
		alone(threads_that_entered_are_counted_until_they_end),
		alone(a_birth_that_fails_is_tried_again),
		alone(a_round_visits_each_cache_once),
		alone(a_round_that_was_given_up_leaves_the_next_one_whole),
		alone(without_caches_a_round_is_over_at_once),
		alone(another_round_waits_for_the_end_of_this_one),
		alone(a_cache_born_during_a_round_does_not_end_it),
		alone(a_cache_that_dies_during_a_round_ends_it_for_no_other),
		alone(held_caches_are_closed_but_the_callers),
		alone(a_child_has_its_own_cache_and_the_others_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

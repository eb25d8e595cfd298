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
		bin_trim(&arenas[i].bins[CLS]);
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

static void *
leave_a_value(void *arg)
{
	pthread_setspecific(key, (void *)1);
	return allocate_and_free(arg);
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

/* Caches seen so far by one round. */
struct round {
	uint32_t number;
	struct tcache *seen[64];
	size_t nseen;
};

static bool
has_seen(const struct round *r, const struct tcache *c)
{
	for (size_t i = 0; i < r->nseen; i++) {
		if (r->seen[i] == c)
			return true;
	}
	return false;
}

/* One visit; false at the end of the round. */
static bool
visit(struct round *r)
{
	struct tcache *c = thread_visit(r->number);

	if (c == NULL)
		return false;
	assert_int_equal(atomic_load(&c->lock.state), 1);
	lock_drop(&c->lock, LOCK_CACHE);
	if (has_seen(r, c))
		fail_msg("a round saw a cache twice");
	assert_true(r->nseen < COUNT_OF(r->seen));
	r->seen[r->nseen++] = c;
	return true;
}

static void
a_round_visits_each_cache_once(void)
{
	start_helpers();
	for (unsigned i = 0; i < 3; i++) {
		struct round r = { .number = thread_new_round() };

		while (visit(&r))
			continue;
		assert_int_equal(r.nseen, NHELPERS);
	}
	end_helpers();
}

static void
without_caches_a_round_is_over_at_once(void)
{
	thread_boot();
	assert_null(thread_visit(thread_new_round()));
}

/* Two drains at once: the trim thread's and malloc_trim's, say. */
static void
two_rounds_at_once_each_see_every_cache(void)
{
	start_helpers();
	for (unsigned lead = 0; lead <= NHELPERS; lead++) {
		struct round a = { .number = thread_new_round() };
		struct round b = { .number = thread_new_round() };
		bool more_a = true, more_b = true;

		for (unsigned i = 0; i < lead; i++)
			visit(&a);
		while (more_a || more_b) {
			more_b = more_b && visit(&b);
			more_a = more_a && visit(&a);
		}
		assert_int_equal(a.nseen, NHELPERS);
		assert_int_equal(b.nseen, NHELPERS);
	}
	end_helpers();
}

static void
a_cache_born_during_two_rounds_ends_neither(void)
{
	struct round a, b;
	struct helper late;

	start_helpers();
	a = (struct round){ .number = thread_new_round() };
	b = (struct round){ .number = thread_new_round() };
	assert_true(visit(&a));
	assert_true(visit(&b));
	helper_start(&late);
	helper_do(&late, touch, NULL);
	while (visit(&a))
		continue;
	while (visit(&b))
		continue;
	assert_in_range(a.nseen, NHELPERS, NHELPERS + 1);
	assert_in_range(b.nseen, NHELPERS, NHELPERS + 1);
	helper_end(&late);
	end_helpers();
}

static void
a_cache_that_dies_during_a_round_is_not_missed_by_it(void)
{
	struct round r;

	start_helpers();
	r = (struct round){ .number = thread_new_round() };
	assert_true(visit(&r));
	assert_true(visit(&r));
	helper_end(&helpers[0]);
	while (visit(&r))
		continue;
	/* The dead one may have been visited before. */
	assert_in_range(r.nseen, NHELPERS - 1, NHELPERS);
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
		alone(a_birth_that_fails_is_tried_again),
		alone(a_round_visits_each_cache_once),
		alone(without_caches_a_round_is_over_at_once),
		alone(two_rounds_at_once_each_see_every_cache),
		alone(a_cache_born_during_two_rounds_ends_neither),
		alone(a_cache_that_dies_during_a_round_is_not_missed_by_it),
		alone(held_caches_are_closed_but_the_callers),
		alone(a_child_has_its_own_cache_and_the_others_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

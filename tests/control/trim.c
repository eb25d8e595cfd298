/*
 * trim.c -- when memory goes back to the kernel.
 *
 * os_now_ns(), bell_nap() and bell_sleep() are wrapped at link time: time
 * passes in naps alone, and the trim thread takes one step at a time, so that
 * no test waits and none depends on luck.
 */
#include <errno.h>
#include <semaphore.h>

#include "control/ticks.h"
#include "control/trim.h"
#include "faults.h"
#include "pages/bell.h"

/* --- steps ------------------------------------------------------------------------ */

void __wrap_bell_nap(uint64_t ns);
void __wrap_bell_sleep(uint64_t ns);
void __real_bell_sleep(uint64_t ns);

static _Atomic uint64_t slept_ns;

/* Where the trim thread is: it posts one of two, and waits for `go`. */
static sem_t sleeping, at_bell, go;

void
__wrap_bell_nap(uint64_t ns)
{
	atomic_store(&slept_ns, ns);
	sem_post(&sleeping);
	while (sem_wait(&go) != 0)
		continue;
	atomic_fetch_add(&now_ns, ns);
}

void
__wrap_bell_sleep(uint64_t ns)
{
	sem_post(&at_bell);
	__real_bell_sleep(ns);
}

static void
wait_for(sem_t *s)
{
	while (sem_wait(s) != 0)
		assert_int_equal(errno, EINTR);
}

static bool
has_been(sem_t *s)
{
	return sem_trywait(s) == 0;
}

static struct stats
snapshot(void)
{
	static struct stats s;

	stats_take(&s);
	return s;
}

/* --- at once ----------------------------------------------------------------------- */

static void
trim_now_gives_everything_back(void)
{
	struct helper h;
	char *p;

	thread_boot();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	keep_some(NULL);
	p = soil(100);
	assert_true(trim_now() >= 100 * PAGE_BYTES);
	assert_int_equal(resident_pages(p, 100), 0);
	assert_int_equal(snapshot().dirty, 0);
	assert_int_equal(snapshot().cached, 0);
	assert_int_equal(snapshot().slab_free, 0);
	/* The one page in use. */
	assert_int_equal(snapshot().active, PAGE_BYTES);
	assert_int_equal(trim_now(), 0);
	helper_end(&h);
}

static void
trim_now_reports_what_it_gave_back(void)
{
	size_t bytes;

	soil(300);
	bytes = trim_now();
	assert_int_equal(bytes, 300 * PAGE_BYTES);
	assert_int_equal(snapshot().purge.npages, 300);
	assert_int_equal(snapshot().reclaim.nforced, 1);
}

static void
a_trim_that_the_kernel_refuses_gives_nothing(void)
{
	soil(300);
	fault_for_good(OS_CALL_PURGE, 1);
	assert_int_equal(trim_now(), 0);
	assert_int_equal(snapshot().dirty, 300 * PAGE_BYTES);
	faults_none();
	assert_int_equal(trim_now(), 300 * PAGE_BYTES);
}

/* --- the thread ------------------------------------------------------------------------ */

static unsigned ncreated;
static pthread_t trim_thread;

static int
create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
       void *arg)
{
	sigset_t mask;
	int state = -1, error;

	/* Signals are not for it: it inherits a mask that blocks all. */
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGUSR1), 1);
	assert_int_equal(sigismember(&mask, SIGTERM), 1);
	assert_int_equal(pthread_attr_getdetachstate(attr, &state), 0);
	assert_int_equal(state, PTHREAD_CREATE_DETACHED);
	ncreated++;
	error = pthread_create(thread, attr, start, arg);
	trim_thread = *thread;
	return error;
}

static int
refuse(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
       void *arg)
{
	(void)thread, (void)attr, (void)start, (void)arg;
	return EAGAIN;
}

/* Starts the trim thread; it is in its first sleep. */
static void
start(void)
{
	sem_init(&sleeping, 0, 0);
	sem_init(&at_bell, 0, 0);
	sem_init(&go, 0, 0);
	thread_boot();
	/* It lives as long as another thread does. */
	thread_enter();
	trim_start(create);
	wait_for(&sleeping);
}

/* Lets it do one tick after which it finds that there is more to do. */
static void
step(void)
{
	sem_post(&go);
	wait_for(&sleeping);
	assert_false(has_been(&at_bell));
}

/* Lets it do ticks until it lies down at the bell. */
static void
step_to_bell(unsigned most)
{
	while (!has_been(&at_bell)) {
		assert_true(most-- > 0);
		sem_post(&go);
		/* It comes back to either. */
		while (!has_been(&sleeping)) {
			if (has_been(&at_bell))
				return;
			sched_yield();
		}
	}
}

static void
one_thread_is_started_however_often_it_is_asked_for(void)
{
	sigset_t before, after;
	char name[16];

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	start();
	trim_start(create);
	trim_start(create);
	assert_int_equal(ncreated, 1);
	assert_true(snapshot().has_trim_thread);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i <= SIGRTMAX; i++)
		assert_int_equal(sigismember(&before, i),
				 sigismember(&after, i));
	assert_int_equal(pthread_getname_np(trim_thread, name, sizeof name), 0);
	assert_string_equal(name, "trimalloc");
}

static void
a_start_that_fails_is_tried_again(void)
{
	trim_start(refuse);
	assert_false(snapshot().has_trim_thread);
	start();
	assert_int_equal(ncreated, 1);
	assert_true(snapshot().has_trim_thread);
}

static void
no_thread_is_started_where_the_option_says_so(void)
{
	assert_true(options_set("trim_thread", 0));
	trim_start(create);
	assert_int_equal(ncreated, 0);
	assert_false(snapshot().has_trim_thread);
}

static void
a_child_of_fork_may_start_its_own(void)
{
	start();
	trim_forget_thread();
	trim_start(create);
	assert_int_equal(ncreated, 2);
}

static void
the_thread_naps_for_a_tick(void)
{
	assert_true(options_set("decay_ms", 200));
	start();
	assert_int_equal(atomic_load(&slept_ns), 50 * NS_PER_MS);
}

static void
near_a_memory_limit_it_naps_for_a_fifth_of_a_tick(void)
{
	char *p = soil(100);
	struct helper busy;

	start();
	helper_start(&busy);
	use_mib(950);
	step_to_bell(2);
	helper_do(&busy, keep_some, NULL);
	wait_for(&sleeping);
	assert_int_equal(atomic_load(&slept_ns), 50 * NS_PER_MS);
	assert_int_equal(resident_pages(p, 100), 0);
	use_mib(100);
	helper_do(&busy, keep_some, NULL);
	step();
	assert_int_equal(atomic_load(&slept_ns), 250 * NS_PER_MS);
	helper_end(&busy);
}

/* Memory may grow fast before it first wakes. */
static void
before_its_first_nap_it_has_looked_at_the_limit(void)
{
	use_mib(500);
	start();
	assert_int_equal(atomic_load(&bell_budget), 200 * MIB / PAGE_BYTES);
}

/* What others take of a limit rings no bell. */
static void
between_ticks_far_apart_it_watches_the_limit(void)
{
	char *p = soil(100);
	uint64_t nticks;

	assert_true(options_set("decay_ms", 8000));
	use_mib(100);
	start();
	nticks = snapshot().reclaim.nticks;
	for (unsigned i = 1; i < 2000 / 250; i++) {
		assert_int_equal(atomic_load(&slept_ns), 250 * NS_PER_MS);
		step();
	}
	assert_int_equal(snapshot().reclaim.nticks, nticks);
	step();
	assert_int_equal(snapshot().reclaim.nticks, nticks + 1);
	assert_int_equal(resident_pages(p, 100), 100);
	use_mib(950);
	step_to_bell(2);
	assert_int_equal(resident_pages(p, 100), 0);
}

static void
with_a_decay_of_never_and_a_limit_it_watches_while_there_is_something_free(void)
{
	char *p;

	assert_true(options_set("decay_ms", -1));
	p = soil(100);
	use_mib(100);
	start();
	for (unsigned i = 0; i < 20; i++)
		step();
	assert_int_equal(resident_pages(p, 100), 100);
	use_mib(950);
	step_to_bell(2);
	assert_int_equal(resident_pages(p, 100), 0);
}

static void
its_cpu_time_is_counted(void)
{
	uint64_t before;

	soil(MUCH);
	start();
	step();
	before = snapshot().trim_cpu_ns;
	assert_true(before > 0);
	step_to_bell(10);
	assert_true(snapshot().trim_cpu_ns > before);
}

/* The C library ends a process with its last thread. */
static void
with_the_last_other_thread_it_ends(void)
{
	struct helper h;

	sem_init(&sleeping, 0, 0);
	sem_init(&go, 0, 0);
	thread_boot();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	trim_start(create);
	wait_for(&sleeping);
	helper_end(&h);
	assert_int_equal(thread_live(), 0);
	sem_post(&go);
	while (snapshot().has_trim_thread)
		sched_yield();
	/* And a new one may begin. */
	thread_enter();
	trim_start(create);
	wait_for(&sleeping);
	assert_int_equal(ncreated, 2);
}

static void
dirty_pages_go_within_the_decay(void)
{
	char *p = soil(100);

	start();
	step();
	assert_int_equal(resident_pages(p, 100), 100);
	step_to_bell(4);
	assert_int_equal(resident_pages(p, 100), 0);
	assert_int_equal(snapshot().dirty, 0);
}

static void
page_runs_on_shelves_go_too(void)
{
	unsigned cls = size_class(65536);
	char *p = block_alloc(cls);

	memset(p, 1, 65536);
	large_free(p);
	assert_int_equal(snapshot().dirty, 0);
	start();
	step_to_bell(8);
	assert_int_equal(resident_pages(p, 16), 0);
	assert_int_equal(snapshot().active, 0);
}

static void
an_idle_cache_is_drained_and_its_pages_go_after_it(void)
{
	struct helper h;

	start();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	assert_true(snapshot().cached > 0);
	step();
	assert_true(snapshot().cached > 0);
	step_to_bell(10);
	assert_int_equal(snapshot().cached, 0);
	assert_int_equal(snapshot().active, 0);
	assert_int_equal(snapshot().dirty, 0);
	helper_end(&h);
}

static void
while_a_thread_is_busy_its_cache_stays_and_the_thread_ticks_on(void)
{
	struct helper h;

	start();
	helper_start(&h);
	for (unsigned i = 0; i < 10; i++) {
		helper_do(&h, keep_some, NULL);
		step();
		assert_true(snapshot().cached > 0);
	}
	helper_end(&h);
}

static void
with_nothing_to_do_the_thread_sleeps_without_a_limit(void)
{
	uint64_t nticks;

	start();
	step_to_bell(2);
	nticks = snapshot().reclaim.nticks;
	/* Looking at it does not wake it. */
	assert_false(has_been(&sleeping));
	assert_int_equal(snapshot().reclaim.nticks, nticks);
	assert_int_equal(atomic_load(&bell_asleep), 1);
}

static void
freed_pages_wake_it_and_go(void)
{
	char *p;

	start();
	step_to_bell(2);
	p = soil(100);
	wait_for(&sleeping);
	step_to_bell(6);
	assert_int_equal(resident_pages(p, 100), 0);
}

static void
a_drained_thread_that_works_again_wakes_it(void)
{
	struct helper h;

	start();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	step_to_bell(10);
	helper_do(&h, keep_some, NULL);
	wait_for(&sleeping);
	step_to_bell(10);
	assert_int_equal(snapshot().cached, 0);
	helper_end(&h);
}

static void
with_a_decay_of_never_caches_are_drained_and_pages_stay(void)
{
	struct helper h;
	char *p;

	assert_true(options_set("decay_ms", -1));
	p = soil(100);
	start();
	assert_true(atomic_load(&slept_ns) > 0);
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	step_to_bell(10);
	assert_int_equal(snapshot().cached, 0);
	assert_int_equal(resident_pages(p, 100), 100);
	helper_end(&h);
}

/* Draining is off; it must not keep the thread awake for ever. */
static void
without_membarrier_the_thread_still_comes_to_rest(void)
{
	struct helper h;

	fault_for_good(OS_CALL_MEMBARRIER, 1);
	start();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	step_to_bell(10);
	helper_end(&h);
}

static void
pages_that_cannot_be_purged_do_no_harm(void)
{
	char *p = soil(100);

	fault_for_good(OS_CALL_PURGE, 1);
	start();
	for (unsigned i = 0; i < 5; i++)
		step();
	assert_int_equal(snapshot().dirty, 100 * PAGE_BYTES);
	faults_none();
	step_to_bell(6);
	assert_int_equal(resident_pages(p, 100), 0);
}

/* Memory that is locked, or a sandbox that forbids madvise. */
static void
pages_that_the_kernel_never_takes_let_it_sleep(void)
{
	soil(100);
	fault_for_good(OS_CALL_PURGE, 1);
	start();
	step_to_bell(50);
	assert_int_equal(snapshot().dirty, 100 * PAGE_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(trim_now_gives_everything_back),
		alone(trim_now_reports_what_it_gave_back),
		alone(a_trim_that_the_kernel_refuses_gives_nothing),
		alone(one_thread_is_started_however_often_it_is_asked_for),
		alone(a_start_that_fails_is_tried_again),
		alone(no_thread_is_started_where_the_option_says_so),
		alone(a_child_of_fork_may_start_its_own),
		alone(the_thread_naps_for_a_tick),
		alone(near_a_memory_limit_it_naps_for_a_fifth_of_a_tick),
		alone(before_its_first_nap_it_has_looked_at_the_limit),
		alone(between_ticks_far_apart_it_watches_the_limit),
		alone(with_a_decay_of_never_and_a_limit_it_watches_while_there_is_something_free),
		alone(its_cpu_time_is_counted),
		alone(with_the_last_other_thread_it_ends),
		alone(dirty_pages_go_within_the_decay),
		alone(page_runs_on_shelves_go_too),
		alone(an_idle_cache_is_drained_and_its_pages_go_after_it),
		alone(while_a_thread_is_busy_its_cache_stays_and_the_thread_ticks_on),
		alone(with_nothing_to_do_the_thread_sleeps_without_a_limit),
		alone(freed_pages_wake_it_and_go),
		alone(a_drained_thread_that_works_again_wakes_it),
		alone(with_a_decay_of_never_caches_are_drained_and_pages_stay),
		alone(without_membarrier_the_thread_still_comes_to_rest),
		alone(pages_that_cannot_be_purged_do_no_harm),
		alone(pages_that_the_kernel_never_takes_let_it_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

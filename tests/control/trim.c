/*
 * trim.c -- when memory goes back to the kernel.
 *
 * os_now_ns(), bell_nap() and bell_sleep() are wrapped at link time: time
 * stands still until a test moves it, and the trim thread takes one step at a
 * time, so that no test waits and none depends on luck.
 */
#include <errno.h>
#include <semaphore.h>

#include "base/options.h"
#include "cache/floor.h"
#include "control/stats.h"
#include "control/trim.h"
#include "faults.h"
#include "pages/bell.h"

#define CLS       7u
#define NS_PER_MS UINT64_C(1000000)

/* --- time ------------------------------------------------------------------------ */

uint64_t __wrap_os_now_ns(void);
void __wrap_bell_nap(uint64_t ns);
void __wrap_bell_sleep(void);
void __real_bell_sleep(void);

static _Atomic uint64_t now_ns, slept_ns;

/* Where the trim thread is: it posts one of two, and waits for `go`. */
static sem_t sleeping, at_bell, go;

uint64_t
__wrap_os_now_ns(void)
{
	return atomic_load(&now_ns);
}

void
__wrap_bell_nap(uint64_t ns)
{
	atomic_store(&slept_ns, ns);
	sem_post(&sleeping);
	while (sem_wait(&go) != 0)
		continue;
}

void
__wrap_bell_sleep(void)
{
	sem_post(&at_bell);
	__real_bell_sleep();
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

/* --- loads ------------------------------------------------------------------------ */

/* A page run, freed: `npages` dirty pages, and one in use beside them. */
static char *
soil(size_t npages)
{
	bool is_zero;
	char *p = pageheap_alloc(&arenas[0].pages, npages, 1, &is_zero);

	assert_non_null(p);
	assert_non_null(pageheap_alloc(&arenas[0].pages, 1, 1, &is_zero));
	memset(p, 1, npages * PAGE_BYTES);
	pageheap_free(p, npages);
	return p;
}

static void
keep_some(void *arg)
{
	void *p[100];

	(void)arg;
	for (size_t i = 0; i < 100; i++)
		p[i] = block_alloc(CLS);
	for (size_t i = 0; i < 100; i++)
		block_free(p[i], CLS);
}

static struct stats
stats(void)
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
	assert_int_equal(stats().dirty, 0);
	assert_int_equal(stats().cached, 0);
	assert_int_equal(stats().slab_free, 0);
	/* The one page in use. */
	assert_int_equal(stats().active, PAGE_BYTES);
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
	assert_int_equal(stats().purge.npages, 300);
	assert_int_equal(stats().reclaim.nforced, 1);
}

static void
a_trim_that_the_kernel_refuses_gives_nothing(void)
{
	soil(300);
	fault_for_good(OS_CALL_PURGE, 1);
	assert_int_equal(trim_now(), 0);
	assert_int_equal(stats().dirty, 300 * PAGE_BYTES);
	faults_none();
	assert_int_equal(trim_now(), 300 * PAGE_BYTES);
}

/* --- without a thread ----------------------------------------------------------------- */

/* Whole chunks, and more than is not worth a clock call. */
#define MUCH (3 * (size_t)CHUNK_NPAGES)

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
	assert_int_equal(stats().reclaim.nticks, 1);
	resident_at(1249, p);
	assert_int_equal(stats().reclaim.nticks, 1);
	resident_at(1250, p);
	assert_int_equal(stats().reclaim.nticks, 2);
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
	assert_int_equal(stats().dirty, 0);
}

static void
pages_of_a_burst_that_comes_back_stay(void)
{
	char *p = soil(MUCH);
	uint64_t ms = 1000;
	bool is_zero;

	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(resident_at(ms += 250, p), MUCH);
		assert_ptr_equal(
			pageheap_alloc(&arenas[0].pages, MUCH, 1, &is_zero), p);
		assert_false(is_zero);
		pageheap_free(p, MUCH);
	}
	for (unsigned i = 0; i < 4; i++)
		resident_at(ms += 250, p);
	assert_int_equal(resident_pages(p, MUCH), 0);
}

static void
little_dirty_memory_is_not_worth_a_tick(void)
{
	soil(100);
	for (unsigned i = 1; i < 10; i++) {
		atomic_store(&now_ns, i * 1000 * NS_PER_MS);
		trim_poll();
	}
	assert_int_equal(stats().reclaim.nticks, 0);
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
tick(void)
{
	sem_post(&go);
	wait_for(&sleeping);
	assert_false(has_been(&at_bell));
}

/* Lets it do ticks until it lies down at the bell. */
static void
tick_to_bell(unsigned most)
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
	assert_true(stats().has_trim_thread);
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
	assert_false(stats().has_trim_thread);
	start();
	assert_int_equal(ncreated, 1);
	assert_true(stats().has_trim_thread);
}

static void
no_thread_is_started_where_the_option_says_so(void)
{
	assert_true(options_set("trim_thread", 0));
	trim_start(create);
	assert_int_equal(ncreated, 0);
	assert_false(stats().has_trim_thread);
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
	while (stats().has_trim_thread)
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
	tick();
	assert_int_equal(resident_pages(p, 100), 100);
	tick_to_bell(4);
	assert_int_equal(resident_pages(p, 100), 0);
	assert_int_equal(stats().dirty, 0);
}

static void
page_runs_on_shelves_go_too(void)
{
	unsigned cls = size_class(65536);
	char *p = block_alloc(cls);

	memset(p, 1, 65536);
	large_free(p);
	assert_int_equal(stats().dirty, 0);
	start();
	tick_to_bell(8);
	assert_int_equal(resident_pages(p, 16), 0);
	assert_int_equal(stats().active, 0);
}

static void
an_idle_cache_is_drained_and_its_pages_go_after_it(void)
{
	struct helper h;

	start();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	assert_true(stats().cached > 0);
	tick();
	assert_true(stats().cached > 0);
	tick_to_bell(10);
	assert_int_equal(stats().cached, 0);
	assert_int_equal(stats().active, 0);
	assert_int_equal(stats().dirty, 0);
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
		tick();
		assert_true(stats().cached > 0);
	}
	helper_end(&h);
}

static void
with_nothing_to_do_the_thread_sleeps_without_a_limit(void)
{
	uint64_t nticks;

	start();
	tick_to_bell(2);
	nticks = stats().reclaim.nticks;
	/* Looking at it does not wake it. */
	assert_false(has_been(&sleeping));
	assert_int_equal(stats().reclaim.nticks, nticks);
	assert_int_equal(atomic_load(&bell_asleep), 1);
}

static void
freed_pages_wake_it_and_go(void)
{
	char *p;

	start();
	tick_to_bell(2);
	p = soil(100);
	wait_for(&sleeping);
	tick_to_bell(6);
	assert_int_equal(resident_pages(p, 100), 0);
}

static void
a_drained_thread_that_works_again_wakes_it(void)
{
	struct helper h;

	start();
	helper_start(&h);
	helper_do(&h, keep_some, NULL);
	tick_to_bell(10);
	helper_do(&h, keep_some, NULL);
	wait_for(&sleeping);
	tick_to_bell(10);
	assert_int_equal(stats().cached, 0);
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
	tick_to_bell(10);
	assert_int_equal(stats().cached, 0);
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
	tick_to_bell(10);
	helper_end(&h);
}

static void
pages_that_cannot_be_purged_do_no_harm(void)
{
	char *p = soil(100);

	fault_for_good(OS_CALL_PURGE, 1);
	start();
	for (unsigned i = 0; i < 5; i++)
		tick();
	assert_int_equal(stats().dirty, 100 * PAGE_BYTES);
	faults_none();
	tick_to_bell(6);
	assert_int_equal(resident_pages(p, 100), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(trim_now_gives_everything_back),
		alone(trim_now_reports_what_it_gave_back),
		alone(a_trim_that_the_kernel_refuses_gives_nothing),
		alone(a_tick_is_a_quarter_of_the_decay),
		alone(a_page_goes_after_its_decay_and_not_at_once),
		alone(pages_of_a_burst_that_comes_back_stay),
		alone(little_dirty_memory_is_not_worth_a_tick),
		alone(a_decay_of_zero_purges_at_once),
		alone(a_decay_of_never_purges_nothing),
		alone(one_thread_is_started_however_often_it_is_asked_for),
		alone(a_start_that_fails_is_tried_again),
		alone(no_thread_is_started_where_the_option_says_so),
		alone(a_child_of_fork_may_start_its_own),
		alone(the_thread_naps_for_a_tick),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

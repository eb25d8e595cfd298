/*
 * storms.c -- signals by the thousand, threads and processes that are stopped
 * anywhere, forks by the hundred, cancellation, namespaces: the process goes
 * on, and its blocks are whole.
 *
 *	make storms		10,000 forks, or as TRI_FORKS says
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "library.h"
#include "memory.h"
#include "stopping.h"

/* glibc 2.36 has the field, and no name for it. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define N_WORKERS 6
/* A child that hangs is ended by its alarm, which its status tells. */
#define CHILD_SECONDS 50
/* And so is a parent that waits for it, or for a lock: however many forks. */
#define FORK_SECONDS (2 * CHILD_SECONDS)

static atomic_bool is_over;
static pthread_t workers[32];

static void *
work(void *i)
{
	uint64_t seed = (uintptr_t)i;

	/* Interrupted anywhere by those who do what this is about. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	while (!atomic_load_explicit(&is_over, memory_order_relaxed))
		live_a_life(seed += 32, 100);
	return NULL;
}

static void
stop_work(size_t n)
{
	atomic_store(&is_over, true);
	crowd_join(workers, n);
}

/* --- signals ------------------------------------------------------------------- */

static atomic_size_t nsignals;

static void
handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	expect(sigaction(number, &action, NULL) == 0);
}

/* As a profiler's: it reads the stack it came upon, and allocates nothing. */
static void
take_sample(int number)
{
	volatile char here = (char)number;

	(void)here;
	atomic_fetch_add_explicit(&nsignals, 1, memory_order_relaxed);
}

/* A timer of the thread's own, as async-profiler has one for each: 4 kHz. */
static void *
work_profiled(void *i)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = SIGPROF };
	struct itimerspec often = { { 0, 250000 }, { 0, 250000 } };
	timer_t timer;

	event.sigev_notify_thread_id = gettid();
	expect(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	expect(timer_settime(timer, 0, &often, NULL) == 0);
	work(i);
	timer_delete(timer);
	return NULL;
}

static void
profile(int flags)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, none = { 0 };

	handle(SIGPROF, take_sample, flags);
	crowd_start(workers, N_WORKERS, work_profiled);
	expect(setitimer(ITIMER_PROF, &often, NULL) == 0);
	while (atomic_load(&nsignals) < 1500) {
		malloc_trim(0);
		live_a_life(atomic_load(&nsignals), 50);
	}
	expect(setitimer(ITIMER_PROF, &none, NULL) == 0);
	stop_work(N_WORKERS);
}

static void
profilers_may_interrupt_malloc_and_free_anywhere(void)
{
	profile(SA_RESTART);
}

/* EINTR from each call that can be interrupted. */
static void
so_they_may_where_no_call_is_restarted(void)
{
	profile(0);
}

/* The library's own handler; what is written is somebody else's test. */
static void
a_thousand_wishes_for_a_dump_disturb_nobody(void)
{
	crowd_start(workers, N_WORKERS, work);
	for (size_t i = 0; i < 3000; i++)
		pthread_kill(workers[i % N_WORKERS], SIGURG);
	malloc_trim(0);
	stop_work(N_WORKERS);
}

/* --- a thread that stays in the middle of its fast path ------------------------------ */

static sem_t is_held, may_go;
static atomic_size_t npairs;

static void
stay(int number)
{
	int before = errno;

	(void)number;
	sem_post(&is_held);
	while (sem_wait(&may_go) != 0)
		;
	errno = before;
}

/* Nothing but fast paths, once the stack of this size is filled. */
static void *
take_and_free(void *unused)
{
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		free(hide(malloc(hide_size(48))));
		atomic_fetch_add_explicit(&npairs, 1, memory_order_relaxed);
	}
	return unused;
}

static void
wait_for_pairs(size_t n)
{
	size_t from = atomic_load(&npairs);

	while (atomic_load(&npairs) < from + n)
		sched_yield();
}

static void
fork_one(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		live_a_life(seed, 100);
		malloc_trim(0);
		_exit(0);
	}
	child_join(pid);
}

static void
do_all_that_may_want_its_cache(uint64_t seed)
{
	live_a_life(seed, 100);
	crowd_run(2, live_a_life_in_a_thread);
	malloc_trim(0);
	expect(mallinfo2().arena > 0);
	fork_one(seed);
}

static void
a_thread_held_in_its_fast_path_holds_up_nobody(void)
{
	pthread_t t;

	expect(sem_init(&is_held, 0, 0) == 0 && sem_init(&may_go, 0, 0) == 0);
	handle(SIGUSR1, stay, SA_RESTART);
	t = crowd_start_one(take_and_free, NULL);
	for (uint64_t i = 0; i < 60; i++) {
		/* Its stack is filled again. */
		wait_for_pairs(1000);
		expect(pthread_kill(t, SIGUSR1) == 0);
		while (sem_wait(&is_held) != 0)
			;
		do_all_that_may_want_its_cache(i);
		sem_post(&may_go);
	}
	atomic_store(&is_over, true);
	crowd_join(&t, 1);
}

/* --- handlers that allocate ------------------------------------------------------------ */

static void
alloc_here(int number)
{
	int before = errno;

	(void)number;
	for (size_t n = 1; n < MIB; n *= 3)
		free(malloc(n));
	atomic_fetch_add(&nsignals, 1);
	errno = before;
}

/* It waits in the kernel: the handler comes upon no malloc. */
static void *
wait_on_another_stack(void *is_ready)
{
	size_t bytes = (size_t)SIGSTKSZ;
	stack_t stack = { .ss_size = bytes, .ss_sp = malloc(bytes) };

	expect(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0);
	atomic_store((atomic_bool *)is_ready, true);
	while (!atomic_load(&is_over))
		usleep(1000);
	stack.ss_flags = SS_DISABLE;
	expect(sigaltstack(&stack, NULL) == 0);
	free(stack.ss_sp);
	return NULL;
}

static void
a_handler_that_interrupts_no_malloc_may_allocate_on_its_own_stack(void)
{
	atomic_bool is_ready = false;
	pthread_t t;

	handle(SIGUSR1, alloc_here, SA_ONSTACK);
	t = crowd_start_one(wait_on_another_stack, &is_ready);
	while (!atomic_load(&is_ready))
		sched_yield();
	for (size_t i = 0; i < 100; i++) {
		expect(pthread_kill(t, SIGUSR1) == 0);
		while (atomic_load(&nsignals) <= i)
			sched_yield();
	}
	atomic_store(&is_over, true);
	crowd_join(&t, 1);
}

/* --- stops ----------------------------------------------------------------------------- */

static void
the_process_may_be_stopped_anywhere(void)
{
	crowd_start(workers, N_WORKERS, work);
	stopping_begin(STOP_ALL, 40);
	while (!stopping_is_over())
		live_a_life(1, 100);
	stopping_end();
	stop_work(N_WORKERS);
}

/* It may hold a lock: others wait until it goes on, and no longer. */
static void
the_trim_thread_may_be_stopped_anywhere(void)
{
	crowd_start(workers, N_WORKERS, work);
	if (!stopping_begin(STOP_TRIM_THREAD, 40))
		case_skipped("no other thread may be traced here");
	for (uint64_t i = 0; !stopping_is_over(); i++)
		do_all_that_may_want_its_cache(i);
	stopping_end();
	stop_work(N_WORKERS);
}

/* Asleep it holds none. */
static void
nobody_waits_for_a_trim_thread_that_is_stopped_asleep(void)
{
	char said[9];
	int ends[2];

	crowd_run(1, live_a_life_in_a_thread);
	malloc_trim(0);
	if (!stopping_hold_asleep())
		case_skipped("no other thread may be traced here");
	for (uint64_t i = 0; i < 20; i++)
		do_all_that_may_want_its_cache(i);
	expect(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	expect(kill(getpid(), SIGURG) == 0);
	stopping_let_go();
	stopping_end();
	/* It writes what was wished for meanwhile. */
	expect(read(ends[0], said, sizeof said) == sizeof said);
	expect(memcmp(said, "trimalloc", sizeof said) == 0);
}

static void
a_process_ends_though_its_trim_thread_is_stopped(void)
{
	crowd_run(1, live_a_life_in_a_thread);
	malloc_trim(0);
	if (!stopping_hold_asleep())
		case_skipped("no other thread may be traced here");
	exit(0);
}

/* --- forks ------------------------------------------------------------------------------- */

extern char **environ;
static char *const true_argv[] = { (char[]){ "/bin/true" }, NULL };

static void
become_another(void)
{
	execve(true_argv[0], true_argv, environ);
	_exit(1);
}

static void
spawn_another(void)
{
	pid_t pid;

	expect(posix_spawn(&pid, true_argv[0], NULL, NULL, true_argv,
			   environ) == 0);
	child_join(pid);
	pid = vfork();
	/* Nothing else may be called on the parent's stack. */
	if (pid == 0) {
		execve(true_argv[0], true_argv, environ);
		_exit(1);
	}
	child_join(pid);
}

/* What becomes of a child, by its number. */
static void
live_as_a_child(uint64_t seed)
{
	alarm(CHILD_SECONDS);
	live_a_life(seed, 60);
	switch (seed % 8) {
	case 0:
		become_another();
		break;
	case 1:
		exit(0);
	case 2:
		crowd_run(2, live_a_life_in_a_thread);
		break;
	case 3:
		fork_one(seed);
		exit(0);
	case 4:
		spawn_another();
		break;
	case 5:
		malloc_trim(0);
		quick_exit(0);
	default:
		break;
	}
	_exit(0);
}

static void
from_32_allocating_threads_children_are_born_sound(void)
{
	const char *wish = getenv("TRI_FORKS");
	uint64_t n = wish != NULL ? strtoull(wish, NULL, 10) : 120;

	crowd_start(workers, 32, work);
	for (uint64_t i = 0; i < n; i++) {
		pid_t pid;

		alarm(FORK_SECONDS);
		pid = fork();
		if (pid == 0)
			live_as_a_child(i);
		live_a_life(i, 20);
		child_join(pid);
	}
	stop_work(32);
	alarm(0);
	remark("%zu forks\n", (size_t)n);
}

/* --- cancellation ---------------------------------------------------------------------------- */

static atomic_bool got_there;

/* With a cancellation pending, which the first point for it would act upon. */
static void *
do_everything_cancelled(void *unused)
{
	int (*ctl)(const char *, void *, size_t *, void *,
		   size_t) = (int (*)(const char *, void *, size_t *, void *,
				      size_t))library_function("mallctl");
	uint64_t epoch = 1;

	expect(pthread_cancel(pthread_self()) == 0);
	live_a_life(1, 3000);
	free(memalign(4096, 5 * MIB));
	free(realloc(calloc(100, 1000), 3 * MIB));
	malloc_trim(0);
	expect(mallinfo2().arena > 0);
	expect(ctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);
	expect(ctl("trimalloc.tick", NULL, NULL, NULL, 0) == 0);
	expect(ctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0);
	malloc_stats();
	atomic_store(&got_there, true);
	pthread_testcancel();
	return unused;
}

static void
nothing_is_a_cancellation_point(void)
{
	pthread_t t = crowd_start_one(do_everything_cancelled, NULL);
	void *result;

	expect(pthread_join(t, &result) == 0);
	expect(atomic_load(&got_there) && result == PTHREAD_CANCELED);
}

/* --- namespaces --------------------------------------------------------------------------------- */

/*
 * From here on the kernel makes children for the new namespace alone, and no
 * thread: the trim thread that is there goes on, and one that is not cannot
 * be born, so who frees gives memory back.
 */
static void
leave_the_namespaces(void)
{
	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_FILES |
		    CLONE_FS) != 0)
		case_skipped("no namespace can be left here");
}

static void
be_the_first_of_a_namespace(void)
{
	alarm(CHILD_SECONDS);
	expect(getpid() == 1);
	crowd_run(4, live_a_life_in_a_thread);
	free_much();
	malloc_trim(0);
	exit(0);
}

static void
expect_well_outside(void)
{
	size_t before = resident_bytes();
	pid_t pid;

	leave_the_namespaces();
	for (int i = 0; i < 5; i++)
		free_much();
	malloc_trim(0);
	expect_for(resident_bytes() <= before + 2 * MIB, "%zu KiB, then %zu",
		   before / KIB, resident_bytes() / KIB);
	pid = fork();
	if (pid == 0)
		be_the_first_of_a_namespace();
	child_join(pid);
}

static void
namespaces_may_be_left_beside_the_trim_thread(void)
{
	crowd_run(2, live_a_life_in_a_thread);
	expect_well_outside();
}

static void
namespaces_may_be_left_before_the_trim_thread_is_born(void)
{
	expect_well_outside();
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(profilers_may_interrupt_malloc_and_free_anywhere,
		     .conf = "decay_ms:1"),
		CASE(so_they_may_where_no_call_is_restarted,
		     .conf = "decay_ms:1"),
		CASE(a_thousand_wishes_for_a_dump_disturb_nobody,
		     .says_somewhere = "^trimalloc .* statistics"),
		CASE(a_thread_held_in_its_fast_path_holds_up_nobody,
		     .conf = "decay_ms:-1,trim_thread:false"),
		CASE(a_handler_that_interrupts_no_malloc_may_allocate_on_its_own_stack),
		CASE(the_process_may_be_stopped_anywhere, .conf = "decay_ms:1"),
		CASE(the_trim_thread_may_be_stopped_anywhere,
		     .conf = "decay_ms:1"),
		CASE(nobody_waits_for_a_trim_thread_that_is_stopped_asleep),
		CASE(a_process_ends_though_its_trim_thread_is_stopped),
		CASE(from_32_allocating_threads_children_are_born_sound,
		     .conf = "decay_ms:1", .timeout_s = 24 * 3600),
		CASE(nothing_is_a_cancellation_point,
		     .says_somewhere = "^trimalloc .* statistics"),
		CASE(namespaces_may_be_left_beside_the_trim_thread),
		CASE(namespaces_may_be_left_before_the_trim_thread_is_born),
	};

	return RUN_CASES(argc, argv, cases);
}

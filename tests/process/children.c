/*
 * children.c -- fork, vfork and posix_spawn from processes of many threads.
 */
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define N_WORKERS 8
/* A child that hangs is ended by its alarm, which its status tells. */
#define CHILD_SECONDS 20

static atomic_bool stop;
static pthread_t workers[N_WORKERS];

static void *
work(void *i)
{
	uint64_t seed = (uintptr_t)i;

	/* Interrupted anywhere by those who fork, which is what this is about. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		live_a_life(seed += N_WORKERS, 500);
	return NULL;
}

static void
start_workers(void)
{
	crowd_start(workers, N_WORKERS, work);
}

static void
stop_workers(void)
{
	atomic_store(&stop, true);
	crowd_join(workers, N_WORKERS);
}

/* --- what a child does ----------------------------------------------------------- */

/* Blocks that the parent allocated, of every kind; each process has its own. */
enum { N_KINDS = 6 };
static void *inherited[N_KINDS];

static size_t
kind_size(size_t i)
{
	static const size_t sizes[N_KINDS] = { 30,    900,    12000,
					       70000, 900000, 5 * MIB };

	return sizes[i];
}

static void
alloc_inheritance(void)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		inherited[i] = malloc(kind_size(i));
		expect(inherited[i] != NULL);
		pattern_fill(inherited[i], kind_size(i), i);
	}
}

static void
free_inheritance(void)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		expect(pattern_check(inherited[i], kind_size(i), i) ==
		       kind_size(i));
		free(inherited[i]);
	}
}

static void
be_a_child(uint64_t seed)
{
	alarm(CHILD_SECONDS);
	live_a_life(seed, 300);
	free_inheritance();
	crowd_run(2, live_a_life_in_a_thread);
	live_a_life(seed, 300);
}

static void
fork_a_child(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		be_a_child(seed);
		_exit(0);
	}
	child_join(pid);
}

/* --- cases ------------------------------------------------------------------------- */

static void
a_child_of_a_busy_process_can_allocate_and_free(void)
{
	start_workers();
	alloc_inheritance();
	for (uint64_t i = 0; i < 200; i++)
		fork_a_child(i);
	free_inheritance();
	stop_workers();
}

static void *
fork_some(void *i)
{
	for (uint64_t k = 0; k < 40; k++)
		fork_a_child((uintptr_t)i * 40 + k);
	return NULL;
}

static void
several_threads_fork_at_once(void)
{
	alloc_inheritance();
	start_workers();
	crowd_run(4, fork_some);
	stop_workers();
	free_inheritance();
}

/* Each generation forks while threads of its own allocate. */
static void
descend(int generations)
{
	pid_t pid;

	if (generations == 0)
		return;
	atomic_store(&stop, false);
	start_workers();
	live_a_life((uint64_t)generations, 300);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		descend(generations - 1);
		_exit(0);
	}
	child_join(pid);
	stop_workers();
}

static void
children_have_children(void)
{
	descend(10);
}

static void
a_child_may_end_by_exit(void)
{
	start_workers();
	for (uint64_t i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(CHILD_SECONDS);
			live_a_life(i, 100);
			/* With exit handlers and destructors. */
			exit(0);
		}
		child_join(pid);
	}
	stop_workers();
}

static void
the_parent_goes_on_as_before(void)
{
	size_t before = 0;

	for (uint64_t i = 0; i < 300; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		live_a_life(i, 1000);
		child_join(pid);
		malloc_trim(0);
		if (i == 50)
			before = resident_bytes();
	}
	expect_for(resident_bytes() <= before + MIB, "%zu KiB, then %zu",
		   before / KIB, resident_bytes() / KIB);
}

/* --- handlers of the program's own ---------------------------------------------------- */

static atomic_int ncalls;

static void
alloc_in_a_handler(void)
{
	/* Other sizes each time: what is in the thread's cache does not do. */
	live_a_life((uint64_t)atomic_fetch_add(&ncalls, 1), 300);
	free(malloc(hide_size(3 * MIB)));
}

#define EARLY_CASE "fork_handlers_of_the_program_may_allocate"

/* Before the library could register any of its own; in one case only. */
static void
register_early(int argc, char **argv, char **env)
{
	(void)env;
	if (argc == 3 && strcmp(argv[2], EARLY_CASE) == 0)
		pthread_atfork(alloc_in_a_handler, alloc_in_a_handler,
			       alloc_in_a_handler);
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const early_entry)(int, char **, char **) =
	register_early;

static void
fork_handlers_of_the_program_may_allocate(void)
{
	expect(pthread_atfork(alloc_in_a_handler, alloc_in_a_handler,
			      alloc_in_a_handler) == 0);
	start_workers();
	alloc_inheritance();
	for (uint64_t i = 0; i < 60; i++)
		fork_a_child(i);
	/* Two prepare, two parent handlers a fork. */
	expect_for(atomic_load(&ncalls) == 240, "%d", atomic_load(&ncalls));
	stop_workers();
}

/* --- other programs --------------------------------------------------------------------- */

static char *const true_argv[] = { (char[]){ "/bin/true" }, NULL };
extern char **environ;

static void
vfork_and_exec_work_beside_busy_threads(void)
{
	start_workers();
	for (int i = 0; i < 200; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execve(true_argv[0], true_argv, environ);
			_exit(127);
		}
		child_join(pid);
		live_a_life((uint64_t)i, 100);
	}
	stop_workers();
}

static void *
spawn_some(void *unused)
{
	for (int i = 0; i < 50; i++) {
		pid_t pid;

		expect(posix_spawn(&pid, true_argv[0], NULL, NULL, true_argv,
				   environ) == 0);
		child_join(pid);
	}
	return unused;
}

static void
posix_spawn_works_from_several_threads(void)
{
	start_workers();
	crowd_run(4, spawn_some);
	stop_workers();
}

static void
fork_and_exec_work_beside_busy_threads(void)
{
	start_workers();
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execve(true_argv[0], true_argv, environ);
			_exit(127);
		}
		child_join(pid);
	}
	stop_workers();
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(a_child_of_a_busy_process_can_allocate_and_free),
		CASE(several_threads_fork_at_once),
		CASE(children_have_children),
		CASE(a_child_may_end_by_exit),
		CASE(the_parent_goes_on_as_before),
		CASE(fork_handlers_of_the_program_may_allocate),
		CASE(vfork_and_exec_work_beside_busy_threads),
		CASE(posix_spawn_works_from_several_threads),
		CASE(fork_and_exec_work_beside_busy_threads),
	};

	return RUN_CASES(argc, argv, cases);
}

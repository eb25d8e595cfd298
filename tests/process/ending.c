/*
 * ending.c -- a process may end at any moment of a purge: at once, and as if
 * there had been none.
 *
 * Each test starts a row of short processes that free much and end in some way
 * while the trim thread, with a decay of some milliseconds, gives it back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crowd.h"
#include "library.h"
#include "memory.h"
#include "spawn.h"

#define N_PROCESSES 40
#define N_THREADS   4

static struct outcome outcome;

/* --- the program that is run ------------------------------------------------------- */

static void *
burst(void *seed)
{
	enum { N = 500 };
	struct random chance = { .state = (uintptr_t)seed };
	void *p[N];

	for (size_t i = 0; i < N; i++) {
		size_t n = 16 + random_size(&chance, 16 * KIB);

		p[i] = malloc(n);
		if (p[i] == NULL)
			_exit(1);
		memset(p[i], 1, n);
	}
	for (size_t i = 0; i < N; i++)
		free(p[i]);
	return NULL;
}

/* Up to three ticks. */
static void
wait_a_little(uintptr_t seed)
{
	struct random chance = { .state = seed };
	size_t ns = random_below(&chance, 3000000);
	struct timespec t = { .tv_nsec = (long)ns };

	nanosleep(&t, NULL);
}

static void *
exit_here(void *seed)
{
	wait_a_little((uintptr_t)seed);
	exit(0);
	return NULL;
}

static void
exit_in_a_thread(uintptr_t seed)
{
	crowd_start_one(exit_here, (void *)seed);
	for (;;)
		pause();
}

static void *
end_later(void *seed)
{
	wait_a_little((uintptr_t)seed);
	return burst(seed);
}

/* The process goes on, and ends with its last thread: not the trim thread. */
static void
leave_the_rest_to_threads(uintptr_t seed)
{
	for (uintptr_t i = 0; i < N_THREADS; i++)
		crowd_start_one(end_later, (void *)(seed + i));
	pthread_exit(NULL);
}

static void
become_another_program(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	execv("/bin/true", argv);
	_exit(1);
}

static void *
work_for_ever(void *seed)
{
	for (;;)
		burst(seed);
	return NULL;
}

/* In the middle of all that these do. */
static void
end_beside_threads(const char *ending, uintptr_t seed)
{
	for (uintptr_t i = 0; i < N_THREADS; i++)
		crowd_start_one(work_for_ever, (void *)(seed + i));
	wait_a_little(seed);
	if (strcmp(ending, "quick") == 0)
		quick_exit(0);
	if (strcmp(ending, "abort") == 0)
		abort();
	exit(0);
}

static int
live(const char *ending, uintptr_t seed)
{
	must_run_on_library();
	crowd_run(N_THREADS, burst);
	burst((void *)seed);
	wait_a_little(seed);
	if (strcmp(ending, "thread") == 0)
		exit_in_a_thread(seed);
	if (strcmp(ending, "threads") == 0)
		leave_the_rest_to_threads(seed);
	if (strcmp(ending, "exec") == 0)
		become_another_program();
	if (strcmp(ending, "_exit") == 0)
		_exit(0);
	if (strcmp(ending, "return") != 0)
		end_beside_threads(ending, seed);
	return 0;
}

/* --- tests ---------------------------------------------------------------------------- */

static bool
ended_as(int status, const char *ending)
{
	if (strcmp(ending, "abort") == 0)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
run_one(const char *ending, unsigned seed)
{
	static char self[4096];
	char number[16];
	const char *argv[] = { self, ending, number, NULL };
	struct spawn s = { .argv = argv,
			   .preload = library_path(),
			   .conf = "decay_ms:4",
			   .timeout_s = 10 };

	snprintf(number, sizeof number, "%u", seed);
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	if (!spawn_run(&s, &outcome))
		fail_msg("it could not be started: %s", outcome.err);
	if (outcome.timed_out || outcome.err_bytes > 0 ||
	    !ended_as(outcome.status, ending))
		fail_msg("%s %u: it ended by %s and said: %s", ending, seed,
			 outcome_describe(&outcome), outcome.err);
}

static void
ends_well(void **state)
{
	for (unsigned seed = 1; seed <= N_PROCESSES; seed++)
		run_one(*state, seed);
}

/* A row of the table: the test's name, and the word that live() knows. */
#define ENDING(sentence, word)                                         \
	{                                                              \
		.name = #sentence, .test_func = ends_well,             \
		.initial_state = (void *)(uintptr_t)(const char *)word \
	}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		ENDING(main_returns_while_memory_is_purged, "return"),
		ENDING(a_thread_exits_while_memory_is_purged, "thread"),
		ENDING(the_last_thread_ends_while_memory_is_purged, "threads"),
		ENDING(another_program_begins_while_memory_is_purged, "exec"),
		ENDING(_exit_is_called_while_memory_is_purged, "_exit"),
		ENDING(exit_is_called_while_others_allocate, "beside"),
		ENDING(quick_exit_is_called_while_others_allocate, "quick"),
		ENDING(abort_is_called_while_others_allocate, "abort"),
	};

	if (argc == 3)
		return live(argv[1], strtoul(argv[2], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

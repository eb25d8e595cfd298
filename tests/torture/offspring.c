/*
 * offspring.c -- see round.h: children of a process whose other threads are in
 * the middle of anything, and what becomes of them.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/case.h"
#include "process/crowd.h"
#include "process/made.h"
#include "round.h"

/* A child that hangs is ended by its alarm, which its status tells. */
#define CHILD_SECONDS 100
#define CHILD_STEPS   150
#define N_HOLDERS     3

extern char **environ;
static char *const true_argv[] = { (char[]){ "/bin/true" }, NULL };

/* Of threads that are born in children. */
static struct holder child_holders[N_HOLDERS];

static void
wait_for(pid_t pid, const char *way, int expected_signal)
{
	int status;

	expect_for(pid > 0, "%d", errno);
	while (waitpid(pid, &status, 0) != pid)
		expect_for(errno == EINTR, "%d", errno);
	expect_for(WIFSIGNALED(status) ? WTERMSIG(status) == expected_signal
				       : expected_signal == 0 && status == 0,
		   "%s: status 0x%x, not %d", way, (unsigned)status,
		   expected_signal);
}

static void
steps(struct holder *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		holder_step(h);
}

/* --- what a child may do ---------------------------------------------------------- */

static void *
step_in_a_child(void *i)
{
	struct holder *h = &child_holders[(uintptr_t)i];

	h->random.state ^= (uintptr_t)i;
	steps(h, CHILD_STEPS);
	holder_free(h);
	return NULL;
}

static void *
step_for_ever(void *i)
{
	for (;;)
		step_in_a_child(i);
	return NULL;
}

static void
end_at_once(struct holder *h)
{
	(void)h;
	_exit(0);
}

static void
free_all_and_exit(struct holder *h)
{
	holder_free(h);
	shelf_check();
	shelf_free();
	exit(0);
}

static void
become_another(struct holder *h)
{
	(void)h;
	execve(true_argv[0], true_argv, environ);
	_exit(1);
}

static void
have_threads(struct holder *h)
{
	crowd_run(N_HOLDERS, step_in_a_child);
	holder_free(h);
	exit(0);
}

static void
exit_beside_threads(struct holder *h)
{
	for (uintptr_t i = 0; i < N_HOLDERS; i++)
		crowd_start_one(step_for_ever, (void *)i);
	steps(h, CHILD_STEPS);
	exit(0);
}

static void
leave_the_rest_to_threads(struct holder *h)
{
	steps(h, 10);
	for (uintptr_t i = 0; i < N_HOLDERS; i++)
		crowd_start_one(step_in_a_child, (void *)i);
	pthread_exit(NULL);
}

static void
quick_exit_beside_threads(struct holder *h)
{
	crowd_start_one(step_for_ever, NULL);
	steps(h, 20);
	quick_exit(0);
}

static void
abort_beside_threads(struct holder *h)
{
	struct rlimit no_core = { 0, 0 };

	crowd_start_one(step_for_ever, NULL);
	steps(h, 20);
	setrlimit(RLIMIT_CORE, &no_core);
	abort();
}

static void
have_a_child(struct holder *h)
{
	crowd_start_one(step_for_ever, NULL);
	steps(h, 20);
	offspring_have(h);
	holder_free(h);
	_exit(0);
}

static void
look_and_trim(struct holder *h)
{
	static char text[1000];
	struct mallinfo2 m;
	FILE *f;

	malloc_trim(0);
	m = mallinfo2();
	expect(m.uordblks <= m.arena);
	ctl("trimalloc.tick", NULL, NULL, NULL, 0);
	holder_free(h);
	f = fmemopen(text, sizeof text, "w");
	expect(f != NULL);
	malloc_info(0, f);
	fclose(f);
	malloc_trim(0);
	_exit(0);
}

static void
spawn_others(struct holder *h)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(true_argv[0], true_argv, environ);
		_exit(1);
	}
	wait_for(pid, "vfork", 0);
	steps(h, 20);
	expect(posix_spawn(&pid, true_argv[0], NULL, NULL, true_argv,
			   environ) == 0);
	wait_for(pid, "posix_spawn", 0);
	_exit(0);
}

#define WAY(f, with)                                \
	{                                           \
		.name = #f, .go = f, .signal = with \
	}

static const struct way {
	const char *name;
	void (*go)(struct holder *h);
	int signal;
} ways[] = {
	WAY(end_at_once, 0),
	WAY(free_all_and_exit, 0),
	WAY(become_another, 0),
	WAY(have_threads, 0),
	WAY(exit_beside_threads, 0),
	WAY(leave_the_rest_to_threads, 0),
	WAY(quick_exit_beside_threads, 0),
	WAY(abort_beside_threads, SIGABRT),
	WAY(have_a_child, 0),
	WAY(look_and_trim, 0),
	WAY(spawn_others, 0),
};

/* --- parents ----------------------------------------------------------------------- */

void
offspring_load(void)
{
	made_load();
}

void
offspring_have(struct holder *h)
{
	size_t way = random_below(&h->random, sizeof ways / sizeof ways[0]);
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		/* Their threads were the parent's, in the middle of anything. */
		memset(child_holders, 0, sizeof child_holders);
		holder_check(h);
		h->random.state ^= (uint64_t)getpid();
		steps(h, CHILD_STEPS);
		ways[way].go(h);
		_exit(2);
	}
	wait_for(pid, ways[way].name, ways[way].signal);
}

void *
offspring_guest(void *seed)
{
	struct holder *h = calloc(1, sizeof *h);

	expect(h != NULL);
	h->random.state = (uintptr_t)seed;
	while (!is_phase_over()) {
		steps(h, 1 + random_below(&h->random, 50));
		offspring_have(h);
	}
	holder_free(h);
	free(h);
	return NULL;
}

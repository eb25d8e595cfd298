/*
 * every_call.h -- runs a load with each kernel call failing in turn: the k-th
 * of a kind, once and for good, for every k until the load needs no more.
 *
 * Above   tests/fault
 * Lock    none
 * Always  each run begins with an untouched allocator, in a child of its own
 */
#ifndef TESTS_FAULT_EVERY_CALL_H
#define TESTS_FAULT_EVERY_CALL_H

#include "faults.h"
#include "unit.h"

struct load {
	/* Runs while calls fail: takes no for an answer, and frees all. */
	void (*run)(void);
	/* Calls succeed again: nothing is lost, and all works. */
	void (*check)(void);
};

/* Above any load here: a loop that does not end is a failure. */
#define CALLS_MAX 3000u

#define SECONDS_MAX 20

/* The child's answer where the load made fewer calls than k. */
#define EXIT_NOT_REACHED 3

static const char *const call_names[OS_NCALLS] = {
	[OS_CALL_RESERVE] = "reserve", [OS_CALL_COMMIT] = "commit",
	[OS_CALL_MAP] = "map",         [OS_CALL_PURGE] = "purge",
	[OS_CALL_MOVE] = "move",       [OS_CALL_MEMBARRIER] = "membarrier",
};

static inline void
run_one(const struct load *load, enum os_call call, unsigned k, bool for_good)
{
	bool reached;

	if (for_good)
		fault_for_good(call, k);
	else
		fault_once(call, k);
	load->run();
	reached = faults_count(call) >= k;
	faults_none();
	load->check();
	if (!reached)
		_exit(EXIT_NOT_REACHED);
}

/* True where the k-th call was made; the test has failed where it went wrong. */
static inline bool
survive(const struct load *load, enum os_call call, unsigned k, bool for_good)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child_begin();
		/* Whoever waits for a call to succeed waits for ever. */
		alarm(SECONDS_MAX);
		run_one(load, call, k, for_good);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_REACHED)
		return false;
	if (status != 0)
		fail_msg("%s number %u failing %s: status 0x%x",
			 call_names[call], k, for_good ? "for good" : "once",
			 (unsigned)status);
	return true;
}

/* Every k; how many calls of this kind the load makes. */
static inline unsigned
survive_every(const struct load *load, enum os_call call)
{
	unsigned k = 1, longest = 0;

	for (int for_good = 0; for_good < 2; for_good++) {
		for (k = 1; survive(load, call, k, for_good); k++)
			assert_true(k < CALLS_MAX);
		longest = k - 1 > longest ? k - 1 : longest;
	}
	print_message("# %s: %u calls, each failed in turn\n", call_names[call],
		      longest);
	return longest;
}

#endif

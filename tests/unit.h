/*
 * unit.h -- what the tests of single floors share.
 *
 * Above   tests/base to tests/control, tests/fault, tests/stress
 * Lock    none
 * Always  a failed assertion in a child or a thread fails the test
 *
 * The allocator's state is global. A test that wants it untouched is listed
 * as alone(f) and runs in a child process of its own.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* It jumps out of the test, or ends the process, which cmocka.h does not say. */
void _fail(const char *file, int line) __attribute__((noreturn));

#include "luck.h"
#include "mapped.h"
/* From any thread; a failed assertion of cmocka's is for the first one. */
#include "must.h"

/* Where gcov counts: for a process that ends at once, or dies. */
extern void __gcov_dump(void) __attribute__((weak));
static inline void
count_and_die(int number)
{
	__gcov_dump();
	signal(number, SIG_DFL);
	raise(number);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- children ------------------------------------------------------------ */

/* In a new child: a failure is said and ends it, and leaves no core. */
static inline void
child_begin(void)
{
	struct rlimit none = { 0, 0 };

	setenv("CMOCKA_TEST_ABORT", "1", 1);
	signal(SIGABRT, __gcov_dump != NULL ? count_and_die : SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
}

/* Runs f in a child; its wait status. */
static inline int
child_status(void (*f)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child_begin();
		f();
		fflush(NULL);
		if (__gcov_dump != NULL)
			__gcov_dump();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

MAYBE_UNUSED static void
run_alone(void **state)
{
	void (*f)(void) = (void (*)(void))(uintptr_t)*state;

	if (child_status(f) != 0)
		fail_msg("the child process failed, see above");
}

/* A row of cmocka's table: f runs in a process of its own. */
#define alone(f)                                        \
	{                                               \
		.name = #f, .test_func = run_alone,     \
		.initial_state = (void *)(uintptr_t)(f) \
	}

/* --- what is said on stderr ------------------------------------------------ */

struct hearing {
	int before, file;
};

static inline struct hearing
hear(void)
{
	struct hearing h = { dup(STDERR_FILENO), memfd_create("said", 0) };

	assert_true(h.before >= 0 && h.file >= 0);
	dup2(h.file, STDERR_FILENO);
	return h;
}

/* Ends it; what was said is in buf, terminated. */
static inline void
heard(struct hearing h, char *buf, size_t cap)
{
	ssize_t n = pread(h.file, buf, cap - 1, 0);

	dup2(h.before, STDERR_FILENO);
	close(h.before);
	close(h.file);
	assert_true(n >= 0);
	buf[n] = '\0';
}

/* f must end its process by abort() after it said `sentence`. */
MAYBE_UNUSED static void
expect_death(void (*f)(void), const char *sentence)
{
	char said[2048];
	struct hearing h = hear();
	int status = child_status(f);

	heard(h, said, sizeof said);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("it went on; it said: %s", said);
	if (strstr(said, sentence) == NULL)
		fail_msg("it said: %s", said);
}

#endif

/*
 * life_misuse.c -- see life_misuse.h.
 */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/guard.h"
#include "life_misuse.h"
#include "life_must.h"

enum { HANDLED = 3, UNSEEN };

static void
end_by_handler(int number)
{
	(void)number;
	_exit(HANDLED);
}

/* Of two or three hundred slots one is free soon. */
static void *
take_guarded(void)
{
	for (int i = 0; i < 1000; i++) {
		char *p = malloc(100);

		if (p != NULL && guard_owns(p))
			return p;
		free(p);
	}
	return NULL;
}

enum misuse { WITH_HANDLER, WITHOUT, SENT, FREED_TWICE, FREED_LATE, NMISUSES };

/* What free() would know it by is gone: the flush finds it, under a lock. */
static void
free_twice_unseen(void)
{
	enum { N = 300 };
	static char *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = malloc(64);
		if (p[i] == NULL)
			_exit(UNSEEN);
	}
	for (size_t i = 0; i < N; i++)
		free(p[i]);
	memset(p[N - 1], 1, 64);
	free(p[N - 1]);
	malloc_trim(0);
}

/* Reads what it has freed; or is sent what that would bring. */
static _Noreturn void
misuse_a_guarded_block(enum misuse kind)
{
	const volatile char *p;
	void *volatile twice = malloc(20000);

	alarm(20);
	if (kind == WITH_HANDLER)
		signal(SIGSEGV, end_by_handler);
	if (kind == SENT)
		raise(SIGSEGV);
	free(twice);
	if (kind == FREED_LATE) {
		signal(SIGABRT, end_by_handler);
		free_twice_unseen();
	}
	if (kind == FREED_TWICE)
		free(twice);
	p = take_guarded();
	if (p == NULL)
		_exit(UNSEEN);
	free((void *)(uintptr_t)p);
	(void)*p;
	_exit(UNSEEN);
}

/* Its status then. */
static const int misuse_ends[NMISUSES] = {
	[WITH_HANDLER] = HANDLED << 8,
	[WITHOUT] = SIGSEGV,
	[SENT] = SIGSEGV,
	[FREED_TWICE] = SIGABRT,
	[FREED_LATE] = HANDLED << 8,
};

void
live_with_misuses(bool may_fail)
{
	for (int kind = 0; guard_is_on() && kind < NMISUSES; kind++) {
		int status = -1, due = misuse_ends[kind];
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0)
			misuse_a_guarded_block((enum misuse)kind);
		must(waitpid(pid, &status, 0) == pid);
		must(status == due ||
		     (may_fail && (status == SIGSEGV || status == SIGABRT ||
				   status == UNSEEN << 8)));
	}
}

/*
 * case.c -- see case.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "case.h"
#include "group.h"
#include "library.h"
#include "spawn.h"

#define CASES_MAX         64
#define TIMEOUT_S         60
#define EXIT_CASE_FAILED  99
#define EXIT_NO_SUCH_CASE 98
#define EXIT_CASE_SKIPPED 77

/* --- inside the case's process ------------------------------------------- */

void
case_failed(const char *file, int line, const char *condition,
	    const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "%s:%d: not true: %s %s\n", file, line,
		condition, text);
	_exit(EXIT_CASE_FAILED);
}

void
remark(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(STDOUT_FILENO, format, args);
	va_end(args);
}

void
case_skipped(const char *reason)
{
	remark("skipped: %s\n", reason);
	_exit(EXIT_CASE_SKIPPED);
}

static int
run_one(const struct test_case *cases, size_t ncases, const char *name)
{
	for (size_t i = 0; i < ncases; i++) {
		if (strcmp(cases[i].name, name) != 0)
			continue;
		if (cases[i].on_host)
			must_not_run_on_library();
		else
			must_run_on_library();
		cases[i].run();
		return 0;
	}
	dprintf(STDERR_FILENO, "no case is named %s\n", name);
	return EXIT_NO_SUCH_CASE;
}

/* --- in the cmocka program ----------------------------------------------- */

static struct outcome outcome;
static char self_path[4096];

static bool
matches(const char *pattern, const char *text, int flags)
{
	regex_t re;
	bool yes;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | flags) != 0)
		fail_msg("not a regular expression: %s", pattern);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

/* Cuts the first line off `*rest`; NULL after the last one. */
static char *
next_line(char **rest)
{
	char *line = *rest;
	size_t length = strcspn(line, "\n");

	if (*line == '\0')
		return NULL;
	*rest = line + length + (line[length] == '\n');
	line[length] = '\0';
	return line;
}

static bool
said_lines(const struct test_case *c, const char *text)
{
	static char copy[SPAWN_TEXT_BYTES + 1];
	char *rest = copy;

	memcpy(copy, text, strlen(text) + 1);
	for (size_t i = 0; i < CASE_LINES_MAX && c->says[i] != NULL; i++) {
		char *line = next_line(&rest);

		if (line == NULL || !matches(c->says[i], line, 0))
			return false;
	}
	return *rest == '\0';
}

static bool
said_what_it_should(const struct test_case *c, const char *text)
{
	if (c->says_somewhere != NULL)
		return matches(c->says_somewhere, text, REG_NEWLINE);
	return said_lines(c, text);
}

static bool
was_skipped(const struct outcome *o)
{
	return !o->timed_out && WIFEXITED(o->status) &&
	       WEXITSTATUS(o->status) == EXIT_CASE_SKIPPED;
}

static bool
ended_as_it_should(const struct test_case *c, const struct outcome *o)
{
	if (o->timed_out)
		return false;
	if (c->signal != 0)
		return WIFSIGNALED(o->status) &&
		       WTERMSIG(o->status) == c->signal;
	return WIFEXITED(o->status) && WEXITSTATUS(o->status) == 0;
}

/* TAP comments, so that they stay with their test. */
static void
show(const char *text)
{
	static char copy[SPAWN_TEXT_BYTES + 1];
	char *rest = copy;
	char *line;

	memcpy(copy, text, strlen(text) + 1);
	while ((line = next_line(&rest)) != NULL)
		print_message("# %s\n", line);
}

/* Runs it, in a group of its own where it wants one. */
static bool
run_in_group(const struct test_case *c, struct spawn *s)
{
	struct group group;
	const char *why;
	bool started;

	if (c->memory_limit == 0 && c->memory_limit_above == 0)
		return spawn_run(s, &outcome);
	if (!group_make(&group, c->memory_limit, c->memory_limit_above, &why)) {
		print_message("# skipped: %s\n", why);
		skip();
	}
	s->group = group.dir;
	setenv(GROUP_VARIABLE, group.dir, 1);
	started = spawn_run(s, &outcome);
	unsetenv(GROUP_VARIABLE);
	group_remove(&group);
	s->group = NULL;
	return started;
}

/* Those of TRI_CONF, where it is set, and then the case's own, which win. */
static const char *
options_of(const struct test_case *c)
{
	static char both[1024];
	const char *more = getenv("TRI_CONF");

	if (more == NULL)
		return c->conf;
	snprintf(both, sizeof both, "%s,%s", more,
		 c->conf != NULL ? c->conf : "");
	return both;
}

static void
test_one(void **state)
{
	const struct test_case *c = *state;
	const char *argv[] = { self_path, "--case", c->name, NULL };
	struct spawn s = {
		.argv = argv,
		.preload = c->on_host ? NULL : library_path(),
		.conf = options_of(c),
		.address_space = c->address_space,
		.data = c->data,
		.timeout_s = c->timeout_s != 0 ? c->timeout_s : TIMEOUT_S,
	};

	if (!run_in_group(c, &s))
		fail_msg("%s could not be started: %s", c->name, outcome.err);
	show(outcome.out);
	if (was_skipped(&outcome))
		skip();
	if (!ended_as_it_should(c, &outcome)) {
		show(outcome.err);
		fail_msg("%s ended by %s", c->name, outcome_describe(&outcome));
	}
	if (!said_what_it_should(c, outcome.err)) {
		show(outcome.err);
		fail_msg("%s said something else (above) on standard error",
			 c->name);
	}
}

static int
run_all(const char *program, const struct test_case *cases, size_t ncases)
{
	static struct CMUnitTest tests[CASES_MAX];

	for (size_t i = 0; i < ncases; i++) {
		tests[i].name = cases[i].name;
		tests[i].test_func = test_one;
		tests[i].initial_state = (void *)(uintptr_t)&cases[i];
	}
	return _cmocka_run_group_tests(program, tests, ncases, NULL, NULL);
}

int
cases_main(int argc, char **argv, const struct test_case *cases, size_t ncases)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof self_path - 1);

	if (argc == 3 && strcmp(argv[1], "--case") == 0)
		return run_one(cases, ncases, argv[2]);
	if (n < 0 || ncases > CASES_MAX)
		abort();
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return run_all(argv[0], cases, ncases);
}

/*
 * case.h -- a table of cases, each run in a process of its own on the library.
 *
 * A test program is a table of cases. Started without arguments it is a cmocka
 * program on the host's malloc, which starts itself once per case under
 * LD_PRELOAD; so a case may crash, hang or use up its address space, and costs
 * the others nothing. A case passes when it exits with 0 and wrote to standard
 * error what the table says: nothing, unless it says so.
 *
 *	PROGRAM          all cases
 *	PROGRAM NAME     those whose name matches (* and ? stand for anything)
 *	LD_PRELOAD=...libtrimalloc.so PROGRAM --case NAME	one, under gdb say
 *
 * Above   the programs of tests/process and tests/cxx
 * Lock    none
 * Always  a case runs on the library, or fails: see library.h
 */
#ifndef TESTS_PROCESS_CASE_H
#define TESTS_PROCESS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CASE_LINES_MAX 4

struct test_case {
	const char *name;
	void (*run)(void);

	/* Extended regular expressions: one per line of standard error, in
	 * order; a line more or less is a failure. */
	const char *says[CASE_LINES_MAX];
	/* Instead: any non-empty text that this expression is found in. */
	const char *says_somewhere;

	const char *conf;     /* TRIMALLOC_CONF */
	bool on_host;         /* without the library in LD_PRELOAD */
	int signal;           /* which signal ends it; 0: it exits with 0 */
	size_t address_space; /* RLIMIT_AS in bytes */
	size_t data;          /* RLIMIT_DATA in bytes */
	unsigned timeout_s;   /* 0: 60 */

	/* A memory group of its own, and one above it, each with a limit in
	 * bytes; group.h. Skipped where none can be made. */
	size_t memory_limit, memory_limit_above;
};

/* One row of the table, named after its function; more members may follow. */
#define CASE(function, ...)                                         \
	{                                                           \
		.name = #function, .run = (function), ##__VA_ARGS__ \
	}

/* Runs the table, as said above; the exit status of main. */
int cases_main(int argc, char **argv, const struct test_case *cases,
	       size_t ncases);

#define RUN_CASES(argc, argv, cases) \
	cases_main(argc, argv, cases, sizeof(cases) / sizeof((cases)[0]))

/* --- for the cases themselves ------------------------------------------- */

/* Says what was wrong and ends the process; from any thread and any child. */
void case_failed(const char *file, int line, const char *condition,
		 const char *format, ...)
	__attribute__((noreturn, cold, format(printf, 4, 5)));

#define expect(condition)                                                      \
	do {                                                                   \
		if (!(condition))                                              \
			case_failed(__FILE__, __LINE__, #condition, "%s", ""); \
	} while (0)

/* The same with the figures that it failed for. */
#define expect_for(condition, ...)                                  \
	do {                                                        \
		if (!(condition))                                   \
			case_failed(__FILE__, __LINE__, #condition, \
				    __VA_ARGS__);                   \
	} while (0)

/* One line to standard output, which the TAP stream shows as a comment. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the process: the case cannot be tried here, for this reason. */
void case_skipped(const char *reason) __attribute__((noreturn, cold));

/* Hides where a value comes from, so that the compiler cannot fold, warn about
 * or leave out what is done with it. */
static inline size_t
hide_size(size_t n)
{
	__asm__ volatile("" : "+r"(n) : : "memory");
	return n;
}

static inline void *
hide(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

#ifdef __cplusplus
}
#endif

#endif

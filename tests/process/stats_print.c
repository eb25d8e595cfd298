/*
 * stats_print.c -- malloc_stats_print in a process: its lines, and where they go.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "ctl.h"
#include "library.h"

static char said[1 << 20];
static size_t nsaid;

static void
note(void *arg, const char *s)
{
	expect(arg == said);
	expect(strlen(s) <= 4096);
	expect(nsaid + strlen(s) < sizeof said);
	strcpy(said + nsaid, s);
	nsaid += strlen(s);
}

static void
statistics_have_the_lines_that_scripts_look_for(void)
{
	static const char begin[] = "___ Begin jemalloc statistics ___\n";
	static const char end[] = "--- End jemalloc statistics ---\n";
	size_t v[7];
	char *sums;

	load();
	ctl.stats_print(note, said, NULL);
	expect(strncmp(said, begin, strlen(begin)) == 0);
	expect(strcmp(said + nsaid - strlen(end), end) == 0);
	sums = strstr(said, "\nAllocated: ");
	expect(sums != NULL);
	expect(sscanf(sums,
		      "\nAllocated: %zu, active: %zu, metadata: %zu (n_thp "
		      "%zu), resident: %zu, mapped: %zu, retained: %zu\n",
		      &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]) == 7);
	expect(v[0] == READ("stats.allocated", size_t));
	expect(v[6] == READ("stats.retained", size_t));
	expect(strstr(said, "opt.dirty_decay_ms: ") != NULL);
	expect(strstr(said, "\nMerged arenas stats:\n") != NULL);
	expect(strstr(said, "\narenas[0]:\n") != NULL);
	expect(strstr(said, "\nbins: ") != NULL);
	nsaid = 0;
	ctl.stats_print(note, said, "gmabl");
	expect(strstr(said, "opt.") == NULL);
	expect(strstr(said, "Merged") == NULL);
	expect(strstr(said, "arenas[") == NULL);
	expect(strstr(said, "\nbins: ") == NULL);
}

static void
without_a_callback_the_program_s_message_function_is_called(void)
{
	void (**message)(void *, const char *);

	load();
	*(void **)(void *)&message = library_function("malloc_message");
	expect(*message == NULL);
	*message = note;
	ctl.stats_print(NULL, said, "J");
	expect(strncmp(said, "{\n\"jemalloc\":", 13) == 0);
}

static void
without_any_function_statistics_go_to_standard_error(void)
{
	int before = dup(STDERR_FILENO), file = memfd_create("said", 0);
	ssize_t n;

	load();
	expect(before >= 0 && file >= 0);
	dup2(file, STDERR_FILENO);
	ctl.stats_print(NULL, NULL, NULL);
	dup2(before, STDERR_FILENO);
	n = pread(file, said, sizeof said - 1, 0);
	expect(n > 0);
	said[n] = '\0';
	expect(strncmp(said, "___ Begin jemalloc statistics ___\n", 34) == 0);
	expect(strcmp(said + n - 32, "--- End jemalloc statistics ---\n") == 0);
}

/* A pipe that does not block, is full, and has nobody who reads. */
static void
a_stderr_that_takes_nothing_is_waited_for_once(void)
{
	size_t nbytes = 0;
	int fds[2];

	load();
	ctl.stats_print(count_bytes, &nbytes, "J");
	/* Five pieces of what a callback is given at once. */
	expect_for(nbytes > 20480, "%zu", nbytes);
	expect(pipe2(fds, O_NONBLOCK) == 0);
	while (write(fds[1], "", 1) == 1)
		;
	expect(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
	/* A second for each would be more. */
	alarm(4);
	ctl.stats_print(NULL, NULL, "J");
	alarm(0);
}

static const struct test_case cases[] = {
	CASE(statistics_have_the_lines_that_scripts_look_for),
	CASE(without_a_callback_the_program_s_message_function_is_called),
	CASE(without_any_function_statistics_go_to_standard_error),
	CASE(a_stderr_that_takes_nothing_is_waited_for_once),
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}

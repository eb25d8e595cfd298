/*
 * options.c -- trimalloc options and version: what the library says of itself.
 *
 * The list is the library's own, of TRIMALLOC_CONF=help: so it is right for
 * whichever version is found.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"
#include "target.h"
#include "tool.h"

/* The child: a program that does nothing, under the library. */
static _Noreturn void
become_true(const char *library, int out)
{
	char name[] = "true";
	char *arguments[] = { name, NULL };
	char *preload = format_string("LD_PRELOAD=%s", library);
	char conf[] = "TRIMALLOC_CONF=help";
	char *environment[] = { preload, conf, NULL };

	dup2(out, STDERR_FILENO);
	execve("/bin/true", arguments, environment);
	execve("/usr/bin/true", arguments, environment);
	_exit(127);
}

/* "trimalloc: decay_ms (1000): freed pages ..." in columns. */
static bool
print_option(const char *line)
{
	char name[64], value[128];
	int at = 0;

	if (sscanf(line, "trimalloc: %63[^ ] (%127[^)]): %n", name, value,
		   &at) != 2 ||
	    at == 0)
		return false;
	printf("%s%-18s%s %-22s %s", ink(stdout, BOLD), name,
	       ink(stdout, PLAIN), value, line + at);
	return true;
}

static int
options_of_library(const char *given)
{
	char *library = library_find(given), *line = NULL;
	size_t size = 0, n = 0;
	int ends[2];
	pid_t child;
	FILE *in;

	if (library == NULL)
		return FAILED;
	if (pipe(ends) != 0 || (child = fork()) < 0) {
		say_error("try again", "no program can be started: %m");
		return FAILED;
	}
	if (child == 0)
		become_true(library, ends[1]);
	close(ends[1]);
	in = must(fdopen(ends[0], "r"));
	while (getline(&line, &size, in) > 0)
		n += print_option(line);
	fclose(in);
	free(line);
	waitpid(child, NULL, 0);
	if (n == 0)
		say_error("--lib wants the path of libtrimalloc.so",
			  "%s lists no options", library);
	free(library);
	return flush_output(n == 0 ? FAILED : DONE);
}

int
options_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "lib", required_argument, NULL, 'l' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *given = NULL;
	double seconds = 5;
	int c;

	while ((c = command_option(argc, argv, "h", names)) != -1) {
		if (c == 'l')
			given = optarg;
		else if (c == 't')
			seconds = parse_seconds(optarg, "--timeout");
	}
	if (optind == argc)
		return options_of_library(given);
	if (given != NULL)
		usage_error("either a PID or --lib");
	return target_print(parse_pid(only_argument(argc, argv, "the PID")),
			    "options", seconds);
}

static const char *
is_in(bool has)
{
	return has ? "yes" : "left out";
}

int
version_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "lib", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *given = NULL;
	char *library;

	while (command_option(argc, argv, "h", names) != -1)
		given = optarg;
	if (optind < argc)
		usage_error("'%s' is one argument too many", argv[optind]);
	printf("trimalloc %s\n", TRI_VERSION);
	printf("parts: metrics %s, top %s, exporter %s\n", is_in(TOOL_HAS_JSON),
	       is_in(TOOL_HAS_TOP), is_in(TOOL_HAS_EXPORTER));
	library = library_find(given);
	if (library != NULL)
		printf("library: %s\n", library);
	free(library);
	return flush_output(DONE);
}

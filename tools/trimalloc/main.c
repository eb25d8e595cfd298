/*
 * main.c -- the table of commands, and what they all do alike.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

const struct command *command;

static const struct command commands[] = {
	{ "run", "[-o KEY:VALUE]... [--lib PATH] [--] COMMAND [ARGUMENT]...",
	  "start a program with trimalloc in malloc's place",
	  "  -o, --option KEY:VALUE  an option of the library; repeatable, and"
	  " stronger than\n"
	  "                          what TRIMALLOC_CONF has already\n"
	  "      --lib PATH          the library to use (default: the one beside"
	  " this command)\n"
	  "      --control           the same as -o"
	  " control:/tmp/trimalloc-%p.sock\n",
	  run_main },
	{ "stats", "[OPTION]... PID", "print a process's statistics",
	  "      --json              as JSON\n"
	  "      --xml               as the XML of malloc_info\n"
	  "      --prometheus        in Prometheus's text format\n"
	  "      --openmetrics       the same as OpenMetrics\n"
	  "      --watch SECONDS     again and again\n"
	  "      --diff              what changes between two looks (1 s apart, or"
	  " --watch)\n"
	  "      --count N           with --watch: end after N looks\n"
	  "      --timeout SECONDS   how long to wait for an answer (default 5)\n",
	  stats_main },
	{ "top", "[OPTION]... [PID]", "watch all processes, or one, live",
	  "      --once              print one picture as text, and end\n"
	  "      --tab NAME          of one process: summary, arenas, classes or"
	  " threads\n"
	  "  -s, --sort COLUMN       pid, command, rss, allocated, cached, dirty or"
	  " threads\n"
	  "  -d, --delay SECONDS     between two looks (default 1)\n",
	  top_main },
	{ "trim", "[--timeout SECONDS] PID",
	  "give back all free memory of a process now",
	  "      --timeout SECONDS   how long to wait for an answer"
	  " (default 60)\n",
	  trim_main },
	{ "ctl", "[OPTION]... PID NAME[=VALUE]... | ctl PID --list",
	  "read and write mallctl's names in a process",
	  "      --list              print all names: name, type, ro or rw\n"
	  "      --call              NAME is an action (of type void): do it\n"
	  "      --timeout SECONDS   how long to wait for an answer (default 5)\n",
	  ctl_main },
	{ "dump", "[OPTION]... PID", "have a process write its whole report",
	  "      --socket            ask by the control socket instead of a"
	  " signal, and print\n"
	  "                          where the report went\n"
	  "      --timeout SECONDS   how long to wait for an answer (default 5)\n",
	  dump_main },
	{ "options", "[--lib PATH | PID]",
	  "list the library's options, or those in force in a process",
	  "      --lib PATH          ask this library\n"
	  "      --timeout SECONDS   how long to wait for an answer (default 5)\n",
	  options_main },
	{ "exporter", "[OPTION]...", "serve metrics of all processes over HTTP",
	  "      --listen ADDRESS:PORT  where (default 127.0.0.1:9497); port 0"
	  " takes a free one\n"
	  "      --pid PID              only this process; repeatable\n"
	  "      --classes              with a series per size class\n"
	  "      --deadline SECONDS     for all processes' answers together"
	  " (default 2)\n",
	  exporter_main },
	{ "version", "[--lib PATH]",
	  "print the versions of this command and the library",
	  "      --lib PATH          ask this library\n", version_main },
};

#define NCOMMANDS (sizeof commands / sizeof commands[0])

void
command_help(FILE *out)
{
	fprintf(out, "usage: trimalloc %s %s\n\n%c%s.\n\n%s%s", command->name,
		command->arguments, toupper((unsigned char)command->summary[0]),
		command->summary + 1, command->help,
		"  -h, --help              print this\n");
}

int
command_option(int argc, char **argv, const char *letters,
	       const struct option *names)
{
	int c = getopt_long(argc, argv, letters, names, NULL);

	if (c == 'h') {
		command_help(stdout);
		exit(flush_output(DONE));
	}
	/* getopt_long has said what; this says where to read on. */
	if (c == '?' || c == ':')
		usage_error("the options of '%s' are not these", command->name);
	return c;
}

int
parse_pid(const char *word)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(word, &end, 10);
	if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 ||
	    pid < 1 || pid > INT_MAX)
		usage_error("'%s' is not the number of a process", word);
	return (int)pid;
}

double
parse_seconds(const char *word, const char *what)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end != '\0' || !isfinite(seconds) ||
	    seconds < 0.01 || seconds > 86400)
		usage_error("%s takes seconds, from 0.01 to 86400, not '%s'",
			    what, word);
	return seconds;
}

const char *
only_argument(int argc, char **argv, const char *what)
{
	if (optind >= argc)
		usage_error("%s is missing", what);
	if (optind + 1 < argc)
		usage_error("'%s' is one argument too many", argv[optind + 1]);
	return argv[optind];
}

static void
help(FILE *out)
{
	fputs("usage: trimalloc COMMAND [ARGUMENT]...\n\n"
	      "Runs programs with trimalloc, and looks into those that have it."
	      "\n\n",
	      out);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %s%-10s%s %s\n", ink(out, BOLD),
			commands[i].name, ink(out, PLAIN), commands[i].summary);
	fputs("\ntrimalloc COMMAND --help tells more of each.\n", out);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static bool
is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 ||
	       strcmp(word, c) == 0;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	/* UTF-8 for the pictures of top; numbers keep their points. */
	setlocale(LC_CTYPE, "");
	/* A reader that is gone, or a socket's other end, is an error code; the
	 * program that run starts would inherit that. */
	if (name == NULL || strcmp(name, "run") != 0)
		signal(SIGPIPE, SIG_IGN);
	if (name == NULL) {
		help(stderr);
		return USAGE;
	}
	if (is_one_of(name, "-h", "--help", "help")) {
		if (argc == 2) {
			help(stdout);
			return flush_output(DONE);
		}
		command = find_command(argv[2]);
		if (command == NULL)
			usage_error("there is no command '%s'", argv[2]);
		command_help(stdout);
		return flush_output(DONE);
	}
	command = find_command(is_one_of(name, "-V", "--version", "version")
				       ? "version"
				       : name);
	if (command == NULL)
		usage_error("there is no command '%s'", name);
	argv[1] = format_string("trimalloc %s", command->name);
	return command->run(argc - 1, argv + 1);
}

/*
 * ctl.c -- trimalloc ctl and trim: what goes through the socket as it is.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "tool.h"

/* A word that fits one line of the protocol. */
static void
check_word(const char *word)
{
	if (word[0] == '\0' || strpbrk(word, "\r\n") != NULL ||
	    strlen(word) > 4000)
		usage_error("a name is one short line");
}

/* "get", "set" or "call" for one argument; with a name in front of the value
 * where there are several. */
static int
one_name(struct target *t, const char *word, bool is_call, bool is_one_of_many,
	 double seconds)
{
	const char *verb = is_call                     ? "call"
			   : strchr(word, '=') != NULL ? "set"
						       : "get";
	char *request = format_string("%s %s", verb, word);
	int code = target_ask(t, request, seconds);

	free(request);
	if (code != DONE || t->link.len == 0)
		return code;
	if (is_one_of_many)
		printf("%s=", word);
	link_print(&t->link);
	return code;
}

static int
all_names(int pid, char **words, int nwords, bool is_call, double seconds)
{
	struct target t;
	int code = target_open(&t, pid);

	for (int i = 0; i < nwords && code == DONE; i++)
		code = one_name(&t, words[i], is_call, nwords > 1, seconds);
	target_close(&t);
	return flush_output(code);
}

int
ctl_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "call", no_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool is_list = false, is_call = false;
	double seconds = 5;
	int c, pid;

	while ((c = command_option(argc, argv, "h", names)) != -1) {
		if (c == 'l')
			is_list = true;
		else if (c == 'c')
			is_call = true;
		else if (c == 't')
			seconds = parse_seconds(optarg, "--timeout");
	}
	if (is_list)
		return target_print(
			parse_pid(only_argument(argc, argv, "the PID")), "list",
			seconds);
	if (optind >= argc)
		usage_error("the PID is missing");
	pid = parse_pid(argv[optind++]);
	if (optind >= argc)
		usage_error("which name? --list prints them all");
	for (int i = optind; i < argc; i++)
		check_word(argv[i]);
	return all_names(pid, argv + optind, argc - optind, is_call, seconds);
}

static int
trim(int pid, double seconds)
{
	struct target t;
	int code = target_open(&t, pid);
	char buf[32];

	if (code == DONE)
		code = target_ask(&t, "trim", seconds);
	if (code == DONE && strncmp(t.link.answer, "bytes ", 6) == 0)
		printf("%s given back by process %d (%s)\n",
		       human_bytes(strtod(t.link.answer + 6, NULL), buf,
				   sizeof buf),
		       pid, t.proc.comm);
	target_close(&t);
	return flush_output(code);
}

int
trim_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	double seconds = 60;

	while (command_option(argc, argv, "h", names) != -1)
		seconds = parse_seconds(optarg, "--timeout");
	return trim(parse_pid(only_argument(argc, argv, "the PID")), seconds);
}

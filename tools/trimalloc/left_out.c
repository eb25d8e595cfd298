/*
 * left_out.c -- what stands in place of the parts whose libraries configure
 * did not find: a sentence that says which.
 */
#include <string.h>

#include "stats.h"

/* The command's own --help is right all the same. */
static UNUSED bool
wants_help(int argc, char **argv)
{
	return argc > 1 &&
	       (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

static UNUSED int
say_help(void)
{
	command_help(stdout);
	return flush_output(DONE);
}

static UNUSED int
say_left_out(const char *library, const char *package)
{
	char *next = format_string("install it (Debian: %s), then configure "
				   "and make again",
				   package);

	say_error(next, "this is left out of this build: %s was missing",
		  library);
	return LEFT_OUT;
}

#if !TOOL_HAS_JSON
int
stats_changes(struct target *t UNUSED, const struct wish *w UNUSED)
{
	return say_left_out("jansson", "libjansson-dev");
}

int
stats_metrics(const struct target *t UNUSED, enum form form UNUSED)
{
	return say_left_out("jansson", "libjansson-dev");
}
#endif

#if !TOOL_HAS_TOP
int
top_main(int argc, char **argv)
{
	if (wants_help(argc, argv))
		return say_help();
	return say_left_out(TOOL_HAS_JSON ? "ncursesw" : "jansson",
			    "libncurses-dev libjansson-dev");
}
#endif

#if !TOOL_HAS_EXPORTER
int
exporter_main(int argc, char **argv)
{
	if (wants_help(argc, argv))
		return say_help();
	return say_left_out(TOOL_HAS_JSON ? "libmicrohttpd" : "jansson",
			    "libmicrohttpd-dev libjansson-dev");
}
#endif

/*
 * top.c -- trimalloc top: the command line, and one picture as text.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "screen.h"

#define ONCE_SECONDS 5
#define ONCE_COLUMNS 100

static void
print_line(const struct line *line)
{
	size_t len = strlen(line->text);

	/* Nobody needs what fills up a row. */
	while (len > 0 && line->text[len - 1] == ' ')
		len--;
	printf("%s%.*s%s\n", line->ink == PLAIN ? "" : ink(stdout, line->ink),
	       (int)len, line->text,
	       line->ink == PLAIN ? "" : ink(stdout, PLAIN));
}

static int
print_once(struct view *v)
{
	struct gathering g;
	struct history h = { NULL, 0 };
	struct frame f;
	int code = DONE;

	gather(&g, v->pid == 0 ? NULL : &v->pid, v->pid != 0, ONCE_SECONDS);
	history_add(&h, &g);
	v->columns = ONCE_COLUMNS;
	frame_draw(&f, v, &g, &h);
	if (v->pid != 0 && g.answers[0].target.problem != DONE)
		code = target_say(&g.answers[0].target);
	for (size_t i = 0; i < f.n && code == DONE; i++)
		print_line(&f.lines[i]);
	frame_free(&f);
	history_free(&h);
	gathering_free(&g);
	return flush_output(code);
}

static enum column
parse_column(const char *word)
{
	for (enum column c = 0; c < NCOLUMNS; c++) {
		if (strcasecmp(column_name(c), word) == 0)
			return c;
	}
	usage_error("--sort takes pid, command, rss, allocated, cached, dirty "
		    "or threads, not '%s'",
		    word);
}

static enum tab
parse_tab(const char *word)
{
	static const char *const names[] = { "", "summary", "arenas", "classes",
					     "threads" };

	for (enum tab t = TAB_SUMMARY; t <= TAB_THREADS; t++) {
		if (strcmp(names[t], word) == 0)
			return t;
	}
	usage_error("--tab takes summary, arenas, classes or threads, not '%s'",
		    word);
}

int
top_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "once", no_argument, NULL, 'o' },
		{ "tab", required_argument, NULL, 't' },
		{ "sort", required_argument, NULL, 's' },
		{ "delay", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct view v = { .sort = BY_RSS };
	bool is_once = false;
	double delay = 1;
	int c;

	while ((c = command_option(argc, argv, "s:d:h", names)) != -1) {
		if (c == 'o')
			is_once = true;
		else if (c == 't')
			v.tab = parse_tab(optarg);
		else if (c == 's')
			v.sort = parse_column(optarg);
		else if (c == 'd')
			delay = parse_seconds(optarg, "--delay");
	}
	if (optind < argc)
		v.pid = parse_pid(only_argument(argc, argv, "the PID"));
	if (v.pid == 0 && v.tab != TAB_LIST)
		usage_error("--tab is of one process: which PID?");
	if (v.pid != 0 && v.tab == TAB_LIST)
		v.tab = TAB_SUMMARY;
	if (is_once)
		return print_once(&v);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		say_error("trimalloc top --once prints one picture as text",
			  "there is no terminal here");
		return FAILED;
	}
	return screen_run(&v, delay);
}

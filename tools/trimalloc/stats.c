/*
 * stats.c -- trimalloc stats: one process's statistics, once or again and
 * again.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stats.h"

bool
stats_wait(const struct target *t, double seconds)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };
	int64_t until = now_ms() + (int64_t)(seconds * 1000), left;

	while ((left = until - now_ms()) > 0) {
		if (poll(&p, t->pidfd >= 0, (int)left) == 1)
			return false;
	}
	return true;
}

void
stats_clear(enum form form)
{
	if (form == TEXT && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
}

int
stats_ended(struct target *t, const struct wish *w)
{
	t->link.error = ECONNRESET;
	target_broken(t, w->timeout, TARGET_END_MS);
	return target_say(t);
}

static int
print_look(struct target *t, const struct wish *w)
{
	static const char *const requests[] = { "stats text", "stats json",
						"stats xml", "stats json",
						"stats json" };
	int code = target_ask(t, requests[w->form], w->timeout);

	if (code != DONE)
		return code;
	if (w->form == PROMETHEUS || w->form == OPENMETRICS)
		return stats_metrics(t, w->form);
	link_print(&t->link);
	if (t->link.len > 0 && t->link.answer[t->link.len - 1] != '\n')
		putchar('\n');
	return DONE;
}

static int
watch(struct target *t, const struct wish *w)
{
	for (unsigned n = 1;; n++) {
		int code;

		if (w->watch > 0)
			stats_clear(w->form);
		code = flush_output(print_look(t, w));
		if (code != DONE || w->watch == 0 || n == w->count)
			return code;
		if (!stats_wait(t, w->watch))
			return stats_ended(t, w);
	}
}

static int
show(int pid, const struct wish *w)
{
	struct target t;
	int code = target_open(&t, pid);

	if (code == DONE)
		code = w->is_diff ? stats_changes(&t, w) : watch(&t, w);
	target_close(&t);
	return code;
}

static unsigned
parse_count(const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (end == word || *end != '\0' || n < 1 || n > 1000000000)
		usage_error("--count takes a number from 1 on, not '%s'", word);
	return (unsigned)n;
}

int
stats_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "xml", no_argument, NULL, 'x' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "openmetrics", no_argument, NULL, 'o' },
		{ "watch", required_argument, NULL, 'w' },
		{ "count", required_argument, NULL, 'n' },
		{ "diff", no_argument, NULL, 'd' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct wish w = { .timeout = 5 };
	int c;

	while ((c = command_option(argc, argv, "h", names)) != -1) {
		if (c == 'w')
			w.watch = parse_seconds(optarg, "--watch");
		else if (c == 't')
			w.timeout = parse_seconds(optarg, "--timeout");
		else if (c == 'n')
			w.count = parse_count(optarg);
		else if (c == 'd')
			w.is_diff = true;
		else
			w.form = c == 'j'   ? JSON
				 : c == 'x' ? XML
				 : c == 'p' ? PROMETHEUS
					    : OPENMETRICS;
	}
	if (w.is_diff && w.form != TEXT)
		usage_error("--diff has a form of its own");
	return show(parse_pid(only_argument(argc, argv, "the PID")), &w);
}

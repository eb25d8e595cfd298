/*
 * stats_json.c -- the forms of trimalloc stats that are made here, of the
 * library's JSON: changes, and metrics.
 */
#include "diff.h"
#include "metrics.h"
#include "stats.h"

int
stats_metrics(const struct target *t, enum form form)
{
	struct metrics *m = metrics_new(true);
	int code = FAILED;

	if (metrics_add_text(m, &t->proc, t->link.answer, t->link.len)) {
		metrics_write(m,
			      form == OPENMETRICS ? METRICS_OPENMETRICS
						  : METRICS_PROMETHEUS,
			      stdout);
		code = DONE;
	} else {
		say_error("trimalloc stats --json shows it",
			  "the report of process %d is not understood",
			  t->proc.pid);
	}
	metrics_free(m);
	return code;
}

/* The next look; NULL, and *code says why. */
static struct look *
take_look(struct target *t, const struct wish *w, int *code)
{
	struct look *look;

	*code = target_ask(t, "stats json", w->timeout);
	if (*code != DONE)
		return NULL;
	look = look_read(t->link.answer, t->link.len);
	if (look == NULL) {
		say_error("trimalloc stats --json shows it",
			  "the report of process %d is not understood",
			  t->proc.pid);
		*code = FAILED;
	}
	return look;
}

int
stats_changes(struct target *t, const struct wish *w)
{
	int code;
	struct look *before = take_look(t, w, &code), *after;

	for (unsigned n = 1; before != NULL; n++) {
		if (!stats_wait(t, w->watch > 0 ? w->watch : 1)) {
			code = stats_ended(t, w);
			break;
		}
		after = take_look(t, w, &code);
		if (after == NULL)
			break;
		stats_clear(w->form);
		look_print_changes(before, after, stdout);
		look_free(before);
		before = after;
		code = flush_output(DONE);
		if (code != DONE || w->watch == 0 || n == w->count)
			break;
	}
	look_free(before);
	return code;
}

/*
 * stats.h -- what the two halves of trimalloc stats share.
 */
#ifndef TOOL_STATS_H
#define TOOL_STATS_H

#include "target.h"
#include "tool.h"

enum form { TEXT, JSON, XML, PROMETHEUS, OPENMETRICS };

struct wish {
	enum form form;
	bool is_diff;
	double watch;   /* seconds; 0: once */
	unsigned count; /* looks; 0: no end */
	double timeout;
};

/* Waits until the next look; false: the process ended meanwhile. */
bool stats_wait(const struct target *t, double seconds);

/* A fresh screen for each look, on a terminal. */
void stats_clear(enum form form);

/* Says that the process ended between two looks. */
int stats_ended(struct target *t, const struct wish *w);

/* Both are exit codes; LEFT_OUT where configure found no jansson. */
int stats_changes(struct target *t, const struct wish *w);
int stats_metrics(const struct target *t, enum form form);

#endif

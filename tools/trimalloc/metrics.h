/*
 * metrics.h -- reports of processes as metrics, in the two text formats.
 *
 * Above   stats.c, exporter.c
 * Always  all samples of one family stand together, behind its HELP and TYPE,
 *         however many processes they are of
 */
#ifndef TOOL_METRICS_H
#define TOOL_METRICS_H

#include "proc.h"
#include "tool.h"

enum metrics_form {
	METRICS_PROMETHEUS,  /* text format 0.0.4; promtool reads it */
	METRICS_OPENMETRICS, /* 1.0.0 */
};

struct metrics;

/* Empty; with series per size class or without. */
struct metrics *metrics_new(bool has_classes);
void metrics_free(struct metrics *m);

/* A process, and what it answered, or that it did not. The report `json` is
 * of jansson, or NULL. */
struct json_t;
void metrics_add(struct metrics *m, const struct proc *p,
		 const struct json_t *json);

/* The same for a report in text; false: it is no JSON object. */
bool metrics_add_text(struct metrics *m, const struct proc *p, const char *text,
		      size_t len);

/* What the exporter tells of itself. */
void metrics_add_scrape(struct metrics *m, size_t nprocesses, size_t nleft_out,
			double seconds);

void metrics_write(const struct metrics *m, enum metrics_form form, FILE *out);

#endif

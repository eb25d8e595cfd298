/*
 * diff.h -- what changed between two looks at a process.
 *
 * Above   stats.c
 */
#ifndef TOOL_DIFF_H
#define TOOL_DIFF_H

#include <stddef.h>
#include <stdio.h>

/* A report in JSON, read; NULL: it is none. */
struct look;
struct look *look_read(const char *json, size_t len);
void look_free(struct look *look);

/* One line per number that changed: name, before, after, difference. */
void look_print_changes(const struct look *before, const struct look *after,
			FILE *out);

#endif

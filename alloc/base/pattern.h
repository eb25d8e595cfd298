/*
 * pattern.h -- paths with %p, %n and %t in them.
 *
 * Above   control/dump.c, control/server.c
 * Lock    none; pure functions
 * Always  %% is a percent sign; % before anything else stands for itself
 */
#ifndef TRI_BASE_PATTERN_H
#define TRI_BASE_PATTERN_H

#include "text.h"

/* What stands in the place of the letters. */
struct pattern {
	int pid;          /* %p */
	uint64_t n;       /* %n */
	uint64_t time_ms; /* %t: since 1970, in UTC; 20261121T144828.123Z */
};

/* Appends the path to `out`. */
void pattern_expand(struct text *out, const char *pattern,
		    const struct pattern *values);

/* True where `letter` stands for something in the pattern. */
bool pattern_has(const char *pattern, char letter);

#endif

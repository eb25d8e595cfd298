/*
 * report.h -- a snapshot in words: for people, and as malloc_info's XML.
 *
 * Above   api/glibc.c
 * Lock    none
 */
#ifndef TRI_CONTROL_REPORT_H
#define TRI_CONTROL_REPORT_H

#include "../base/text.h"
#include "stats.h"

/* Large enough for either form with every class in it. */
#define REPORT_BYTES (32 * KIB)

void report_text(struct text *t, const struct stats *s);

/*
 * The document of glibc's malloc_info(3), version 1: one heap with the sums,
 * then the totals that its readers look for, then our own elements.
 */
void report_xml(struct text *t, const struct stats *s);

#endif

/*
 * ctl_print.h -- the statistics in jemalloc's two forms: malloc_stats_print.
 *
 * Above   api/jemalloc.c, and whoever writes it to files and sockets
 * Lock    none; values are read one by one, so that a write of epoch by
 *         another thread meanwhile shows
 * Always  what programs look for in these forms stands where they look for it
 *
 * Letters leave parts out, as jemalloc(3) says: g what never changes, m the
 * sum of all arenas, a each arena, b the classes in slabs, l large blocks;
 * others have nothing to leave out. J asks for JSON.
 */
#ifndef TRI_CONTROL_CTL_PRINT_H
#define TRI_CONTROL_CTL_PRINT_H

#include "../base/text.h"
#include "ctl_row.h"
#include "report.h"

/*
 * Renews the snapshot and makes the report, ended by a NUL that does not
 * count. False where there is no memory, with nothing to drop. Any thread, no
 * lock held. To be dropped by report_drop().
 */
bool ctl_print(const char *opts, struct report *out);

/* --- what both forms share ------------------------------------------------------ */

/* True unless a letter leaves it out. */
bool ctl_print_has(const char *opts, char letter);

/* The rows whose names begin with prefix, which ends with a dot. */
struct ctl_rows {
	size_t low, high;
	size_t at; /* where their names go on */
};

struct ctl_rows ctl_rows_under(const char *prefix);

/* A row's value; false where it is absent, an action, or an error. */
bool ctl_print_read(const struct ctl_row *row, const size_t index[2],
		    union ctl_value *v);

void ctl_print_json(struct text *t, const char *opts);
void ctl_print_text(struct text *t, const char *opts);

#endif

/*
 * ctl_print_text.c -- see ctl_print.h: the form for people, with the lines
 * that scripts look for.
 */
#include <string.h>

#include "ctl_print.h"

struct printer {
	struct text *t;
	const char *opts;
	size_t index[2];
};

static const struct ctl_row *
row_of(const char *name)
{
	const struct ctl_row *row = ctl_rows;

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

/* A number by the name of its row; 0 where there is none. */
static uint64_t
number(const struct printer *p, const char *name)
{
	union ctl_value v;

	return ctl_print_read(row_of(name), p->index, &v) ? v.u64 : 0;
}

static void
say(struct printer *p, const char *words, const char *name)
{
	const struct ctl_row *row = row_of(name);
	union ctl_value v;

	text_str(p->t, words);
	if (ctl_print_read(row, p->index, &v))
		ctl_value_text(p->t, row->type, &v);
}

static void
line(struct printer *p, const char *words, const char *name)
{
	say(p, words, name);
	text_str(p->t, "\n");
}

/* Each value of a branch, under its whole name. */
static void
list(struct printer *p, const char *title, const char *prefix)
{
	struct ctl_rows r = ctl_rows_under(prefix);
	union ctl_value v;

	text_str(p->t, title);
	for (; r.low < r.high; r.low++) {
		const struct ctl_row *row = &ctl_rows[r.low];
		bool is_string = row->type == CTL_STRING;

		if (!ctl_print_read(row, p->index, &v))
			continue;
		text_str(p->t, "  ");
		text_str(p->t, row->name);
		text_str(p->t, is_string ? ": \"" : ": ");
		ctl_value_text(p->t, row->type, &v);
		text_str(p->t, is_string ? "\"\n" : "\n");
	}
}

static void
print_general(struct printer *p)
{
	say(p, "Version: \"", "version");
	text_str(p->t, "\"\n");
	list(p, "Build-time option settings\n", "config.");
	list(p, "Run-time option settings\n", "opt.");
	line(p, "Arenas: ", "arenas.narenas");
	line(p, "Quantum size: ", "arenas.quantum");
	line(p, "Page size: ", "arenas.page");
	line(p, "Maximum thread-cached size class: ", "arenas.tcache_max");
	line(p, "Number of bin size classes: ", "arenas.nbins");
	line(p, "Number of thread-cache bin size classes: ", "arenas.nhbins");
	line(p, "Number of large size classes: ", "arenas.nlextents");
}

static void
print_sums(struct printer *p)
{
	say(p, "Allocated: ", "stats.allocated");
	say(p, ", active: ", "stats.active");
	say(p, ", metadata: ", "stats.metadata");
	say(p, " (n_thp ", "stats.metadata_thp");
	say(p, "), resident: ", "stats.resident");
	say(p, ", mapped: ", "stats.mapped");
	line(p, ", retained: ", "stats.retained");
	line(p, "Count of realloc(non-null-ptr, 0) calls: ",
	     "stats.zero_reallocs");
	say(p, "Background threads: ", "stats.background_thread.num_threads");
	say(p, ", num_runs: ", "stats.background_thread.num_runs");
	say(p, ", run_interval: ", "stats.background_thread.run_interval");
	text_str(p->t, " ns\n");
}

/* --- tables ------------------------------------------------------------------------ */

/* Right-aligned numbers under the heads of a table's columns. */
struct column {
	const char *head;
	const char *name;
};

#define COLUMN_WIDTH 13u

static void
print_heads(struct printer *p, const char *first, const struct column *c,
	    size_t n)
{
	text_str(p->t, first);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = strlen(c[i].head); k < COLUMN_WIDTH; k++)
			text_str(p->t, " ");
		text_str(p->t, c[i].head);
	}
	text_str(p->t, "\n");
}

static void
print_cells(struct printer *p, const struct column *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_uint_padded(p->t, number(p, c[i].name), COLUMN_WIDTH);
	text_str(p->t, "\n");
}

static const struct column bins[] = {
	{ "size", "arenas.bin.<i>.size" },
	{ "nmalloc", "stats.arenas.<i>.bins.<j>.nmalloc" },
	{ "ndalloc", "stats.arenas.<i>.bins.<j>.ndalloc" },
	{ "curregs", "stats.arenas.<i>.bins.<j>.curregs" },
	{ "curslabs", "stats.arenas.<i>.bins.<j>.curslabs" },
	{ "nonfull_slabs", "stats.arenas.<i>.bins.<j>.nonfull_slabs" },
	{ "nfills", "stats.arenas.<i>.bins.<j>.nfills" },
	{ "nflushes", "stats.arenas.<i>.bins.<j>.nflushes" },
	{ "nslabs", "stats.arenas.<i>.bins.<j>.nslabs" },
};

static const struct column extents[] = {
	{ "size", "arenas.lextent.<i>.size" },
	{ "curlextents", "stats.arenas.<i>.lextents.<j>.curlextents" },
};

static const struct column small[] = {
	{ "allocated", "stats.arenas.<i>.small.allocated" },
	{ "nmalloc", "stats.arenas.<i>.small.nmalloc" },
	{ "ndalloc", "stats.arenas.<i>.small.ndalloc" },
	{ "nrequests", "stats.arenas.<i>.small.nrequests" },
	{ "nfill", "stats.arenas.<i>.small.nfills" },
	{ "nflush", "stats.arenas.<i>.small.nflushes" },
};

static const struct column large[] = {
	{ "", "stats.arenas.<i>.large.allocated" },
	{ "", "stats.arenas.<i>.large.nmalloc" },
	{ "", "stats.arenas.<i>.large.ndalloc" },
	{ "", "stats.arenas.<i>.large.nrequests" },
	{ "", "stats.arenas.<i>.large.nfills" },
	{ "", "stats.arenas.<i>.large.nflushes" },
};

#define NCOLUMNS(columns) (sizeof(columns) / sizeof((columns)[0]))

/*
 * A line for each class in which something ever happened. The first column is
 * the class's own, whose index is the other one's second.
 */
static void
print_classes(struct printer *p, const char *title, const struct column *c,
	      size_t n, size_t nclasses)
{
	size_t arena = p->index[0];

	print_heads(p, title, c, n);
	for (size_t i = 0; i < nclasses; i++) {
		uint64_t size;

		p->index[0] = i;
		size = number(p, c[0].name);
		p->index[0] = arena;
		p->index[1] = i;
		if (number(p, c[1].name) == 0)
			continue;
		text_str(p->t, "      ");
		text_uint_padded(p->t, size, COLUMN_WIDTH);
		print_cells(p, c + 1, n - 1);
	}
	p->index[1] = 0;
}

static void
print_decay(struct printer *p)
{
	static const struct column dirty[] = {
		{ "npages", "stats.arenas.<i>.pdirty" },
		{ "sweeps", "stats.arenas.<i>.dirty_npurge" },
		{ "madvises", "stats.arenas.<i>.dirty_nmadvise" },
		{ "purged", "stats.arenas.<i>.dirty_purged" },
	};

	line(p, "decay time: ", "stats.arenas.<i>.dirty_decay_ms");
	print_heads(p, "      ", dirty, NCOLUMNS(dirty));
	text_str(p->t, "dirty:");
	print_cells(p, dirty, NCOLUMNS(dirty));
}

static void
print_arena(struct printer *p, size_t index)
{
	p->index[0] = index;
	line(p, "assigned threads: ", "stats.arenas.<i>.nthreads");
	line(p, "uptime: ", "stats.arenas.<i>.uptime");
	text_str(p->t, "dss allocation precedence: \"disabled\"\n");
	print_decay(p);
	print_heads(p, "      ", small, NCOLUMNS(small));
	text_str(p->t, "small:");
	print_cells(p, small, NCOLUMNS(small));
	text_str(p->t, "large:");
	print_cells(p, large, NCOLUMNS(large));
	line(p, "active pages: ", "stats.arenas.<i>.pactive");
	line(p, "mapped: ", "stats.arenas.<i>.mapped");
	line(p, "retained: ", "stats.arenas.<i>.retained");
	line(p, "base: ", "stats.arenas.<i>.base");
	line(p, "tcache_bytes: ", "stats.arenas.<i>.tcache_bytes");
	line(p, "resident: ", "stats.arenas.<i>.resident");
	if (ctl_print_has(p->opts, 'b'))
		print_classes(p, "bins: ", bins, NCOLUMNS(bins),
			      number(p, "arenas.nbins"));
	/* They are counted by size for all arenas at once. */
	if (ctl_print_has(p->opts, 'l') && index == CTL_ARENAS_ALL)
		print_classes(p, "large:", extents, NCOLUMNS(extents),
			      number(p, "arenas.nlextents"));
	p->index[0] = 0;
}

static void
print_arenas(struct printer *p)
{
	size_t at = strlen("stats.arenas.");

	if (ctl_print_has(p->opts, 'm')) {
		text_str(p->t, "Merged arenas stats:\n");
		print_arena(p, CTL_ARENAS_ALL);
	}
	for (size_t i = 0; ctl_print_has(p->opts, 'a') &&
			   ctl_has_index("stats.arenas.<i>.", at, i);
	     i++) {
		text_str(p->t, "arenas[");
		text_uint(p->t, i);
		text_str(p->t, "]:\n");
		print_arena(p, i);
	}
}

void
ctl_print_text(struct text *t, const char *opts)
{
	struct printer p = { .t = t, .opts = opts };

	text_str(t, "___ Begin jemalloc statistics ___\n");
	if (ctl_print_has(opts, 'g'))
		print_general(&p);
	print_sums(&p);
	print_arenas(&p);
	text_str(t, "--- End jemalloc statistics ---\n");
}

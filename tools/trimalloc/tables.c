/*
 * tables.c -- the pictures of one process: summary, arenas, classes, threads.
 */
#include <stdlib.h>
#include <string.h>

#include "frame.h"

static double
number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* What a cell holds: a count, bytes, milliseconds, or words. */
enum content { COUNT, BYTES, AGE, WORD };

struct cell {
	const char *head, *key;
	enum content content;
	int width; /* negative: flush right */
};

static const struct cell arenas[] = {
	{ "ARENA", "index", COUNT, -5 },
	{ "THREADS", "threads", COUNT, -7 },
	{ "ACTIVE", "active", BYTES, -11 },
	{ "DIRTY", "dirty", BYTES, -11 },
	{ "SHELVED", "shelved", BYTES, -11 },
	{ "MAPPED", "mapped", BYTES, -11 },
	{ "LARGE", "large_bytes", BYTES, -11 },
	{ "BLOCKS", "large_blocks", COUNT, -7 },
	{ "REFAULTS", "refaults", COUNT, -9 },
	{ "WAITS", "lock_waits", COUNT, -8 },
};

static const struct cell classes[] = {
	{ "SIZE", "size", COUNT, -6 },
	{ "SLABS", "slabs", COUNT, -7 },
	{ "SLOTS", "slots", COUNT, -10 },
	{ "LIVE", "live", COUNT, -10 },
	{ "CACHED", "cached", COUNT, -9 },
	{ "FREE", "free", COUNT, -10 },
	{ "FILLS", "fills", COUNT, -10 },
	{ "FLUSHES", "flushes", COUNT, -10 },
	{ "WAITS", "lock_waits", COUNT, -8 },
};

static const struct cell threads[] = {
	{ "TID", "tid", COUNT, -8 },         { "THREAD", "name", WORD, 16 },
	{ "ARENA", "arena", COUNT, -5 },     { "CACHED", "cached", BYTES, -11 },
	{ "IDLE", "idle_ms", AGE, -10 },     { "FILLS", "fills", COUNT, -9 },
	{ "FLUSHES", "flushes", COUNT, -9 }, { "DRAINS", "drains", COUNT, -7 },
	{ "PARKED", "parked", WORD, 6 },
};

/* Milliseconds as people say them. */
static const char *
human_age(double ms, char *buf, size_t size)
{
	if (ms < 1000)
		snprintf(buf, size, "%.0f ms", ms);
	else if (ms < 120e3)
		snprintf(buf, size, "%.1f s", ms / 1e3);
	else if (ms < 7200e3)
		snprintf(buf, size, "%.0f min", ms / 60e3);
	else
		snprintf(buf, size, "%.0f h", ms / 3600e3);
	return buf;
}

static char *
cell_text(const struct cell *c, const json_t *entry)
{
	const json_t *value = json_object_get(entry, c->key);
	double n = json_number_value(value);
	char buf[64];

	if (json_is_boolean(value))
		return fit(json_is_true(value) ? "yes" : "no", c->width);
	if (c->content == WORD)
		return fit(json_is_string(value) ? json_string_value(value)
						 : "",
			   c->width);
	if (c->content == BYTES)
		human_bytes(n, buf, sizeof buf);
	else if (c->content == AGE)
		human_age(n, buf, sizeof buf);
	else
		snprintf(buf, sizeof buf, "%.0f", n);
	return fit(buf, c->width);
}

/* A row of cells; their heads where `entry` is NULL. */
static char *
row_text(const struct cell *cells, size_t n, const json_t *entry)
{
	char *text = NULL;
	size_t len;
	FILE *out = must(open_memstream(&text, &len));

	for (size_t i = 0; i < n; i++) {
		char *one = entry == NULL ? fit(cells[i].head, cells[i].width)
					  : cell_text(&cells[i], entry);

		fprintf(out, "%s%s", i > 0 ? " " : "", one);
		free(one);
	}
	fclose(out);
	return must(text);
}

static int
by_cached(const void *x, const void *y)
{
	const json_t *const *a = x, *const *b = y;
	double p = number(*a, "cached"), q = number(*b, "cached");

	if (p != q)
		return (p < q) - (p > q);
	p = number(*a, "tid");
	q = number(*b, "tid");
	return (p > q) - (p < q);
}

/* A size class without slabs and blocks says nothing. */
static bool
is_empty_class(const json_t *entry)
{
	return json_object_get(entry, "slabs") != NULL &&
	       number(entry, "slabs") + number(entry, "live") +
			       number(entry, "cached") ==
		       0;
}

/* `is_sorted`: the largest caches first. */
static void
table(struct frame *f, const struct cell *cells, size_t n, const json_t *list,
      bool is_sorted)
{
	size_t nrows = json_array_size(list);
	const json_t **rows = must(calloc(nrows + 1, sizeof *rows));

	frame_line(f, BOLD, 0, row_text(cells, n, NULL));
	f->nhead = f->n;
	for (size_t i = 0; i < nrows; i++)
		rows[i] = json_array_get(list, i);
	if (is_sorted)
		qsort(rows, nrows, sizeof *rows, by_cached);
	for (size_t i = 0; i < nrows; i++) {
		if (!is_empty_class(rows[i]))
			frame_line(f, PLAIN, 0, row_text(cells, n, rows[i]));
	}
	free(rows);
}

/* "allocated    12.0 MiB  45.3 %  #########" */
static void
bar(struct frame *f, const char *name, double bytes, double whole)
{
	static const char full[] = "########################################";
	double part = whole > 0 ? bytes / whole : 0;
	int n = part < 0 ? 0 : part > 1 ? 40 : (int)(part * 40 + 0.5);
	char buf[32];

	frame_line(f, PLAIN, 0,
		   format_string("  %-18s %11s %6.1f %%  %.*s", name,
				 human_bytes(bytes, buf, sizeof buf),
				 100 * part, n, full));
}

static void
draw_bill(struct frame *f, const json_t *json)
{
	const json_t *bytes = json_object_get(json, "bytes");
	double whole = number(bytes, "resident");

	bar(f, "allocated", number(bytes, "allocated"), whole);
	bar(f, "cached in threads", number(bytes, "cached"), whole);
	bar(f, "on shelves", number(bytes, "shelved"), whole);
	bar(f, "free in slabs", number(bytes, "slab_free"), whole);
	bar(f, "dirty", number(bytes, "dirty"), whole);
	bar(f, "less untouched", -number(bytes, "untouched"), whole);
	bar(f, "unaccounted", number(bytes, "unaccounted"), whole);
	bar(f, "resident", whole, whole);
	bar(f, "mapped", number(bytes, "mapped"), 0);
	bar(f, "metadata", number(bytes, "metadata"), 0);
}

static void
draw_reclaim(struct frame *f, const json_t *json)
{
	const json_t *r = json_object_get(json, "reclaim");
	const json_t *p = json_object_get(json, "pressure");
	const char *level = json_string_value(json_object_get(p, "level"));
	char used[32], limit[32], *shown;

	/* The process's word, and no longer than one. */
	level = level == NULL ? "unknown" : level;
	shown = fit(level, (int)strnlen(level, 16));

	frame_line(f, PLAIN, 0,
		   format_string("  given back: %.0f pages of runs, %.0f of "
				 "slabs; %.0f caches drained; %.0f refaults",
				 number(json_object_get(r, "runs"), "pages"),
				 number(json_object_get(r, "slabs"), "pages"),
				 number(r, "drains"),
				 number(json_object_get(json, "counts"),
					"refaults")));
	frame_line(f, PLAIN, 0,
		   format_string("  trim thread: %.1f ms of CPU in %.0f ticks",
				 number(r, "cpu_us") / 1e3,
				 number(r, "ticks")));
	frame_line(f, PLAIN, 0,
		   format_string(
			   "  pressure: %s; %s used of %s", shown,
			   human_bytes(number(p, "usage"), used, sizeof used),
			   number(p, "limit") > 0
				   ? human_bytes(number(p, "limit"), limit,
						 sizeof limit)
				   : "no limit"));
	free(shown);
}

static void
draw_graph(struct frame *f, const struct view *v, const struct past *past)
{
	enum { ROWS = 5 };
	unsigned width = v->columns > 4 ? v->columns - 4 : 1;
	char buf[32];

	if (width > HISTORY_LOOKS)
		width = HISTORY_LOOKS;
	frame_line(f, BOLD, 0,
		   format_string("RSS of the process: %s",
				 human_bytes((double)past_look(past, 0), buf,
					     sizeof buf)));
	for (unsigned row = 0; row < ROWS; row++) {
		char *line = graph(past, width, row, ROWS);

		frame_line(f, GREEN, 0, format_string("  %s", line));
		free(line);
	}
}

static void
draw_head(struct frame *f, const struct view *v, const struct answer *a)
{
	static const char *const names[] = { "", "summary", "arenas", "classes",
					     "threads" };
	const char *version = json_string_value(
		json_object_get(a->json, "version"));
	char *comm = fit(a->target.proc.comm, 15), *shown, buf[32];

	shown = fit(version == NULL ? "?" : version, 16);
	frame_line(f, BOLD, 0,
		   format_string("%s of process %d, %s  trimalloc %s up %s",
				 names[v->tab], a->target.proc.pid, comm, shown,
				 human_age(number(a->json, "uptime_ms"), buf,
					   sizeof buf)));
	f->nhead = f->n;
	free(comm);
	free(shown);
}

#define TABLE(f, cells, list, is_sorted) \
	table(f, cells, sizeof(cells) / sizeof(cells)[0], list, is_sorted)

void
frame_tab(struct frame *f, const struct view *v, const struct answer *a,
	  const struct past *past)
{
	draw_head(f, v, a);
	if (a->json == NULL) {
		frame_line(f, RED, 0, must(strdup(a->target.sentence)));
		if (a->target.next != NULL)
			frame_line(f, PLAIN, 0, must(strdup(a->target.next)));
		draw_graph(f, v, past);
	} else if (v->tab == TAB_ARENAS) {
		TABLE(f, arenas, json_object_get(a->json, "arenas"), false);
	} else if (v->tab == TAB_CLASSES) {
		TABLE(f, classes, json_object_get(a->json, "classes"), false);
	} else if (v->tab == TAB_THREADS) {
		TABLE(f, threads, json_object_get(a->json, "threads"), true);
	} else {
		draw_bill(f, a->json);
		draw_reclaim(f, a->json);
		draw_graph(f, v, past);
	}
}

/*
 * frame.c -- see frame.h: text in columns, graphs, the list of processes.
 */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "frame.h"

static const char *const column_names[NCOLUMNS] = {
	"pid", "command", "rss", "allocated", "cached", "dirty", "threads",
};

const char *
column_name(enum column column)
{
	return column_names[column];
}

void
frame_line(struct frame *f, enum ink ink, int pid, char *text)
{
	f->lines = must(realloc(f->lines, (f->n + 1) * sizeof *f->lines));
	f->lines[f->n++] = (struct line){ text, ink, pid };
}

void
frame_free(struct frame *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->lines[i].text);
	free(f->lines);
	memset(f, 0, sizeof *f);
}

/* The next character; what is none, or steers a terminal, is a '?'. Returns
 * its bytes. */
static size_t
next_character(const char *text, wchar_t *out, int *width)
{
	mbstate_t state = { 0 };
	size_t n = mbrtowc(out, text, strlen(text), &state);

	if (n == 0 || n > strlen(text) || !iswprint((wint_t)*out)) {
		*out = L'?';
		n = n == 0 || n > strlen(text) ? 1 : n;
	}
	*width = wcwidth(*out);
	return n;
}

char *
fit(const char *text, int width)
{
	int room = width < 0 ? -width : width, used = 0, w;
	size_t len;
	char *out = NULL, *filled;
	FILE *file = must(open_memstream(&out, &len));
	wchar_t c;

	while (*text != '\0') {
		size_t n = next_character(text, &c, &w);

		if (used + w > room)
			break;
		if (c == L'?')
			fputc('?', file);
		else
			fwrite(text, 1, n, file);
		used += w;
		text += n;
	}
	fclose(file);
	filled = width < 0 ? format_string("%*s%s", room - used, "", out)
			   : format_string("%s%*s", out, room - used, "");
	free(out);
	return filled;
}

uint64_t
past_look(const struct past *p, unsigned ago)
{
	if (p == NULL || ago >= p->n || ago >= HISTORY_LOOKS)
		return 0;
	return p->resident[(p->n - 1 - ago) % HISTORY_LOOKS];
}

static struct past *
find_past(struct history *h, int pid, uint64_t started)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->pasts[i].pid == pid && h->pasts[i].started == started)
			return &h->pasts[i];
	}
	h->pasts = must(realloc(h->pasts, (h->n + 1) * sizeof *h->pasts));
	memset(&h->pasts[h->n], 0, sizeof *h->pasts);
	h->pasts[h->n].pid = pid;
	h->pasts[h->n].started = started;
	return &h->pasts[h->n++];
}

void
history_add(struct history *h, const struct gathering *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		h->pasts[i].is_seen = false;
	for (size_t i = 0; i < g->n; i++) {
		const struct proc *proc = &g->answers[i].target.proc;
		struct past *p = find_past(h, proc->pid, proc->started);

		p->is_seen = true;
		p->resident[p->n++ % HISTORY_LOOKS] = proc->resident;
	}
	for (size_t i = 0; i < h->n; i++) {
		if (h->pasts[i].is_seen)
			h->pasts[kept++] = h->pasts[i];
	}
	h->n = kept;
}

const struct past *
history_find(const struct history *h, int pid)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->pasts[i].pid == pid)
			return &h->pasts[i];
	}
	return NULL;
}

void
history_free(struct history *h)
{
	free(h->pasts);
	memset(h, 0, sizeof *h);
}

/* A cell that is `eighths` full. */
static const char *
cell(int eighths)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄",
					      "▅", "▆", "▇", "█" };
	static const char *const plain[] = { " ", ".", ".", ":", ":",
					     ":", "|", "|", "#" };
	bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	eighths = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
	return is_utf8 ? blocks[eighths] : plain[eighths];
}

char *
graph(const struct past *past, unsigned width, unsigned row, unsigned nrows)
{
	uint64_t most = 1;
	char *text = NULL;
	size_t len;
	FILE *out = must(open_memstream(&text, &len));

	for (unsigned i = 0; i < width; i++) {
		uint64_t n = past_look(past, i);

		most = n > most ? n : most;
	}
	for (unsigned i = width; i-- > 0;) {
		double part = (double)past_look(past, i) / (double)most;
		int eighths = (int)(part * nrows * 8 + 0.5) -
			      8 * (int)(nrows - 1 - row);

		/* Whatever is there can be seen. */
		if (row == nrows - 1 && eighths < 1 && part > 0)
			eighths = 1;
		fputs(cell(eighths), out);
	}
	fclose(out);
	return must(text);
}

/* A figure of a process for sorting; those without an answer are below 0. */
static double
figure(const struct answer *a, enum column column)
{
	static const char *const keys[NCOLUMNS] = {
		[BY_ALLOCATED] = "allocated",
		[BY_CACHED] = "cached",
		[BY_DIRTY] = "dirty",
	};
	const json_t *bytes = json_object_get(a->json, "bytes");

	if (column == BY_PID)
		return a->target.proc.pid;
	if (column == BY_RSS)
		return (double)a->target.proc.resident;
	if (column == BY_THREADS)
		return a->target.proc.threads;
	if (a->json == NULL || keys[column] == NULL)
		return -1;
	return json_number_value(json_object_get(bytes, keys[column]));
}

struct row {
	const struct answer *answer;
	const struct view *view;
};

/* The largest first; numbers and names of processes, the smallest. */
static int
by_view(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	enum column column = a->view->sort;
	double p = figure(a->answer, column), q = figure(b->answer, column);
	int order = (p < q) - (p > q);

	if (column == BY_COMMAND)
		order = strcmp(a->answer->target.proc.comm,
			       b->answer->target.proc.comm);
	if (column == BY_PID)
		order = -order;
	if (order == 0)
		return a->answer->target.proc.pid - b->answer->target.proc.pid;
	return a->view->is_reversed ? -order : order;
}

static char *
bytes_cell(const struct answer *a, enum column column)
{
	double n = figure(a, column);
	char buf[32];

	return fit(n < 0 ? "-" : human_bytes(n, buf, sizeof buf), -11);
}

/* "ok", or "high" and "critical", or why there is no answer. */
static const char *
state_of(const struct answer *a)
{
	const json_t *pressure = json_object_get(a->json, "pressure");
	const char *level = json_string_value(
		json_object_get(pressure, "level"));

	switch (a->target.problem) {
	case DONE:
		return level == NULL || strcmp(level, "none") == 0 ? "ok"
								   : level;
	case NO_PROCESS:
		return "ended";
	case NO_SOCKET:
		return "no socket";
	case NO_ACCESS:
		return "no access";
	case NO_ANSWER:
		return "hangs";
	default:
		return "failed";
	}
}

static void
draw_row(struct frame *f, const struct view *v, const struct answer *a,
	 const struct past *past)
{
	static const unsigned fixed = 85;
	unsigned width = v->columns > fixed + 5 ? v->columns - fixed : 5;
	const struct proc *p = &a->target.proc;
	char *name = fit(p->comm, 15), *rss = bytes_cell(a, BY_RSS);
	char *allocated = bytes_cell(a, BY_ALLOCATED);
	char *cached = bytes_cell(a, BY_CACHED);
	char *dirty = bytes_cell(a, BY_DIRTY), *state = fit(state_of(a), 9);
	char *line = graph(past, width < 60 ? width : 60, 0, 1);
	enum ink ink = a->json == NULL ? DIM : PLAIN;

	if (a->json != NULL && strcmp(state_of(a), "ok") != 0)
		ink = YELLOW;
	frame_line(f, ink, p->pid,
		   format_string("%7d %s %s %s %s %s %7u %s %s", p->pid, name,
				 rss, allocated, cached, dirty, p->threads,
				 state, line));
	free(name);
	free(rss);
	free(allocated);
	free(cached);
	free(dirty);
	free(state);
	free(line);
}

static void
draw_list(struct frame *f, const struct view *v, const struct gathering *g,
	  const struct history *h)
{
	struct row *rows = must(calloc(g->n + 1, sizeof *rows));

	frame_line(f, BOLD, 0,
		   format_string("trimalloc top: %zu process%s, by %s%s", g->n,
				 g->n == 1 ? "" : "es", column_name(v->sort),
				 v->is_reversed ? ", reversed" : ""));
	if (g->nleft_out > 0)
		frame_line(
			f, YELLOW, 0,
			format_string("%zu more are left out", g->nleft_out));
	frame_line(f, BOLD, 0,
		   format_string("%7s %-15s %11s %11s %11s %11s %7s %-9s %s",
				 "PID", "COMMAND", "RSS", "ALLOCATED", "CACHED",
				 "DIRTY", "THREADS", "STATE", "RSS OVER TIME"));
	f->nhead = f->n;
	for (size_t i = 0; i < g->n; i++)
		rows[i] = (struct row){ &g->answers[i], v };
	qsort(rows, g->n, sizeof *rows, by_view);
	for (size_t i = 0; i < g->n; i++)
		draw_row(f, v, rows[i].answer,
			 history_find(h, rows[i].answer->target.proc.pid));
	if (g->n == 0)
		frame_line(f, DIM, 0,
			   format_string("no process here has trimalloc, or "
					 "none may be looked into; trimalloc "
					 "run starts one"));
	free(rows);
}

void
frame_draw(struct frame *f, const struct view *v, const struct gathering *g,
	   const struct history *h)
{
	memset(f, 0, sizeof *f);
	if (v->tab == TAB_LIST) {
		draw_list(f, v, g, h);
		return;
	}
	for (size_t i = 0; i < g->n; i++) {
		if (g->answers[i].target.proc.pid == v->pid)
			frame_tab(f, v, &g->answers[i],
				  history_find(h, v->pid));
	}
	if (f->n == 0)
		frame_line(f, RED, 0,
			   format_string("process %d has ended", v->pid));
}

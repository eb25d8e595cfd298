/*
 * frame.h -- the pictures of trimalloc top, as lines of text.
 *
 * Above   top.c prints them, screen.c puts them on a terminal
 * Always  pure: what is shown depends on what was gathered and the view alone
 */
#ifndef TOOL_FRAME_H
#define TOOL_FRAME_H

#include "gather.h"
#include "tool.h"

enum tab { TAB_LIST, TAB_SUMMARY, TAB_ARENAS, TAB_CLASSES, TAB_THREADS };

enum column {
	BY_PID,
	BY_COMMAND,
	BY_RSS,
	BY_ALLOCATED,
	BY_CACHED,
	BY_DIRTY,
	BY_THREADS,
	NCOLUMNS,
};

struct view {
	enum tab tab; /* TAB_LIST: all processes */
	int pid;      /* else: this one */
	enum column sort;
	bool is_reversed;
	unsigned columns; /* of the terminal */
};

struct line {
	char *text; /* UTF-8, or ASCII where the locale has no more */
	enum ink ink;
	int pid; /* the process whose row it is; or 0 */
};

struct frame {
	struct line *lines;
	size_t n;
	size_t nhead; /* lines at the top that do not scroll */
};

/* Resident bytes of processes over the last looks. */
#define HISTORY_LOOKS 120

struct past {
	int pid;
	uint64_t started;
	bool is_seen;
	unsigned n; /* looks; the newest is at (n - 1) % HISTORY_LOOKS */
	uint64_t resident[HISTORY_LOOKS];
};

struct history {
	struct past *pasts;
	size_t n;
};

/* Adds a look; forgets processes that are gone. */
void history_add(struct history *h, const struct gathering *g);
void history_free(struct history *h);
const struct past *history_find(const struct history *h, int pid);
/* The look of `ago` looks ago; 0: there was none. */
uint64_t past_look(const struct past *p, unsigned ago);

void frame_draw(struct frame *f, const struct view *v,
		const struct gathering *g, const struct history *h);
void frame_free(struct frame *f);

/* The tables of one process (tables.c), and what they are made with. */
void frame_tab(struct frame *f, const struct view *v, const struct answer *a,
	       const struct past *past);
void frame_line(struct frame *f, enum ink ink, int pid, char *text);
const char *column_name(enum column column);

/* `text` cut or filled up to `width` columns, of malloc; nothing in it can
 * steer a terminal. A negative width flushes right. */
char *fit(const char *text, int width);

/* One line of a graph of the last `width` looks: the part of `row` of `nrows`,
 * counted from the top. Of malloc. */
char *graph(const struct past *past, unsigned width, unsigned row,
	    unsigned nrows);

#endif

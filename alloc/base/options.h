/*
 * options.h -- the values of TRIMALLOC_CONF, read-only after boot.
 *
 * Above   api/boot.c parses; every floor reads
 * Lock    none: written by one thread at boot (mallopt may narrow narenas)
 * Always  each value lies within the bounds of its row in options.def
 */
#ifndef TRI_BASE_OPTIONS_H
#define TRI_BASE_OPTIONS_H

#include <stdatomic.h>

#include "base.h"
#include "text.h"

struct options {
#define OPTION(name, kind, value, min, max, unit, help) _Atomic int64_t name;
#include "options.def"
#undef OPTION
};

extern struct options tri_options;

/* Relaxed: a value stands alone, and no other memory hangs on it. */
#define option(name) \
	atomic_load_explicit(&tri_options.name, memory_order_relaxed)

enum option_kind { OPTION_BOOLEAN, OPTION_COUNT, OPTION_PERIOD, OPTION_CHOICE };

/* The values of `thp`. */
enum { THP_NEVER, THP_DEFAULT, THP_ALWAYS };

struct option_row {
	const char *name;
	const char *unit; /* of a choice: its words, "|" between them */
	const char *help;
	int64_t value, min, max;
	size_t offset;
	enum option_kind kind;
};

/* The table itself, for help texts, the manual and the tests. */
const struct option_row *options_table(size_t *nrows);

/* The value in force of a row. */
int64_t options_get(const struct option_row *row);

/*
 * Takes "key:value,key:value". Each wrong key or value is reported by one
 * complain() line and changes nothing; the other keys still count. The word
 * "help" writes the table.
 * Returns how many were wrong.
 */
unsigned options_parse(const char *conf);

/* Sets one value by name; false (and no change) where it is out of bounds. */
bool options_set(const char *name, int64_t value);

#endif

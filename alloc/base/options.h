/*
 * options.h -- the values of TRIMALLOC_CONF.
 *
 * Above   api/boot.c parses; every floor reads
 * Lock    none: written by one thread at boot; later mallopt, mallctl and the
 *         control socket write some numbers, each of which stands for itself
 * Always  each value lies within the bounds of its row in options.def; texts
 *         are written at boot, before there is a second thread, and never after
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

enum option_kind {
	OPTION_BOOLEAN,
	OPTION_COUNT,
	OPTION_PERIOD,
	OPTION_CHOICE,
	OPTION_SIGNAL,
	OPTION_STRING,
};

/* The longest text of an option, and its end. */
#define OPTION_TEXT_BYTES 512

#define OPTION_TEXT_boolean(name)
#define OPTION_TEXT_count(name)
#define OPTION_TEXT_period(name)
#define OPTION_TEXT_choice(name)
#define OPTION_TEXT_signal(name)
#define OPTION_TEXT_string(name) char name[OPTION_TEXT_BYTES];

struct option_texts {
#define OPTION(name, kind, value, min, max, unit, help) OPTION_TEXT_##kind(name)
#include "options.def"
#undef OPTION
} __attribute__((aligned(PAGE_BYTES))); /* alone on its pages: boot seals it */

extern struct option_texts tri_option_texts;

/* The text of an option of kind string, terminated; option(name): its length. */
#define option_text(name) ((const char *)tri_option_texts.name)

/* The values of `thp`. */
enum { THP_NEVER, THP_DEFAULT, THP_ALWAYS };

/* The values of `check`, of what it switches, and of `junk`. */
enum { CHECK_NONE, CHECK_FULL };
enum { SWITCH_AUTO, SWITCH_OFF, SWITCH_ON };
enum { JUNK_AUTO, JUNK_OFF, JUNK_ON, JUNK_ZERO };

/* The values of `dump_form`. */
enum { DUMP_TEXT, DUMP_JSON, DUMP_XML };

struct option_row {
	const char *name;
	const char *unit; /* of a choice: its words, "|" between them */
	const char *help;
	int64_t value, min, max;
	char *text; /* of a string */
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

/*
 * Sets one value by name; false (and no change) where it is out of bounds, or
 * the option is a string.
 */
bool options_set(const char *name, int64_t value);

/* The value as it may be written in TRIMALLOC_CONF. */
void text_option(struct text *t, const struct option_row *row);

#endif

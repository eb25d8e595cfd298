/*
 * ctl_table.c -- the table of names, from ctl.def.
 */
#include "../base/options.h"
#include "ctl_row.h"
#include "stats.h"

/* As jemalloc's: version-commits since-g and the commit. */
#define CTL_VERSION "5.3.0-0-gtrimalloc-" TRI_VERSION

#define none NULL

#define CTL(name, type, read, write, arg, note) \
	{ name, read, write, NULL, (uintptr_t)(arg), CTL_##type },
#define CTL_WORDS(name, words, note) \
	{ name, ctl_words, NULL, NULL, (uintptr_t)(words), CTL_STRING },
#define CTL_ALL(name, type, access, handler, arg, note) \
	{ name, NULL, NULL, handler, (uintptr_t)(arg), CTL_##type },
#define CTL_ABSENT(name, type, note) { name, NULL, NULL, NULL, 0, CTL_##type },

const struct ctl_row ctl_rows[] = {
#include "ctl.def"
};

const size_t ctl_nrows = sizeof ctl_rows / sizeof ctl_rows[0];

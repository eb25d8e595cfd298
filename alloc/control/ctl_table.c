/*
 * ctl_table.c -- the table of names, from ctl.def and options.def.
 */
#include "../cache/counts.h"
#include "../heap/slab.h"
#include "ctl_stats.h"
#include "ctl_writable.h"

/* As jemalloc's: version-commits since-g and the commit. */
#define CTL_VERSION "5.3.0-0-gtrimalloc-" TRI_VERSION

/* The places of options in their table. */
enum {
#define OPTION(name, kind, value, min, max, unit, help) CTL_OPTION_##name,
#include "../base/options.def"
#undef OPTION
};

#define none NULL

#define CTL(name, type, read, write, arg, note) \
	{ name, read, write, NULL, (uintptr_t)(arg), CTL_##type },
#define CTL_WORDS(name, words, note) \
	{ name, ctl_words, NULL, NULL, (uintptr_t)(words), CTL_STRING },
#define CTL_ALL(name, type, access, handler, arg, note) \
	{ name, NULL, NULL, handler, (uintptr_t)(arg), CTL_##type },
#define CTL_ABSENT(name, type, note) { name, NULL, NULL, NULL, 0, CTL_##type },

#define CTL_MUTEX(name)                          \
	CTL_ABSENT(name ".num_wait", UINT64, "") \
	CTL_MUTEX_BUT_WAITS(name)
#define CTL_MUTEX_BUT_WAITS(name)                        \
	CTL_ABSENT(name ".num_ops", UINT64, "")          \
	CTL_ABSENT(name ".num_spin_acq", UINT64, "")     \
	CTL_ABSENT(name ".num_owner_switch", UINT64, "") \
	CTL_ABSENT(name ".total_wait_time", UINT64, "")  \
	CTL_ABSENT(name ".max_wait_time", UINT64, "")    \
	CTL_ABSENT(name ".max_num_thds", UINT32, "")

/* --- options ---------------------------------------------------------------------- */

#define TYPE_boolean CTL_BOOL
#define TYPE_count   CTL_SIZE
#define TYPE_period  CTL_SSIZE
#define TYPE_choice  CTL_STRING
#define TYPE_signal  CTL_STRING
#define TYPE_string  CTL_STRING

#define OPTION(name, kind, value, min, max, unit, help) \
	{ "trimalloc.options." #name,                   \
	  ctl_option_read,                              \
	  CTL_WRITER(name, ctl_option_write, NULL),     \
	  NULL,                                         \
	  CTL_OPTION_##name,                            \
	  TYPE_##kind },

const struct ctl_row ctl_rows[] = {
#define CTL_OPTIONS
#include "ctl.def"
#include "../base/options.def"
};

const size_t ctl_nrows = sizeof ctl_rows / sizeof ctl_rows[0];

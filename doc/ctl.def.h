/*
 * ctl.def.h -- turns each row of alloc/control/ctl.def and of the option table
 * into one line for doc/ctl.awk. Preprocessed, never compiled.
 */
#include "../alloc/control/ctl_writable.h"

#define CTL(name, type, read, write, arg, note) \
	ROW @name @type @read @write @note
#define CTL_WORDS(name, words, note) ROW @name @STRING @read @none @note
#define CTL_ALL(name, type, access, handler, arg, note) \
	ROW @name @type @access @access @note
#define CTL_ABSENT(name, type, note) ABSENT @name @type @none @none @note
#define CTL_MUTEX(name) \
	ABSENT @name ".<counter>" @UINT64 @none @none @"locks are not profiled"
#define CTL_MUTEX_BUT_WAITS(name) CTL_MUTEX(name)
#define CTL_OPTIONS

#define OPTION(name, kind, value, min, max, unit, help) \
	ROW @"trimalloc.options." #name @kind @read     \
	@CTL_WRITER(name, write, none) @help

#include "../alloc/control/ctl.def"
#include "../alloc/base/options.def"

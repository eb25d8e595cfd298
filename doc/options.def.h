/*
 * options.def.h -- turns each row of alloc/base/options.def into one line for
 * doc/options.awk. Preprocessed, never compiled.
 */
/* A choice's words stand for themselves. */
#define THP_DEFAULT default
#define DUMP_TEXT   text

#define OPTION(name, kind, value, min, max, unit, help) \
	ROW @name @kind @value @min @max @unit @help
#include "../alloc/base/options.def"

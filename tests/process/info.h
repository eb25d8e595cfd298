/*
 * info.h -- what malloc_info says.
 *
 * Above   the programs of tests/process
 * Lock    none
 * Always  the document lies in the program's own memory, not on the heap
 */
#ifndef TESTS_PROCESS_INFO_H
#define TESTS_PROCESS_INFO_H

#include <stddef.h>

/* The number in the library's own element of that name; it must be there. */
size_t info_number(const char *name);

#endif

/*
 * names.h -- what the suite's programs expect of <malloc.h> and musl's does not
 * declare: included before everything else when they are built for it.
 *
 * Above   tests/process and whatever else tests/elsewhere/suite builds for musl
 * Lock    none
 * Always  the library under test has these functions, but for mallinfo2, which
 *         names.c makes of its statistics
 */
#ifndef TESTS_ELSEWHERE_NAMES_H
#define TESTS_ELSEWHERE_NAMES_H

#include <stddef.h>
#include <stdio.h>

/* Those that are looked at. */
struct mallinfo2 {
	size_t arena;
	size_t uordblks;
	size_t fordblks;
};

struct mallinfo2 mallinfo2(void);
int malloc_trim(size_t pad);
int malloc_info(int options, FILE *to);
void malloc_stats(void);
void *pvalloc(size_t n);

#endif

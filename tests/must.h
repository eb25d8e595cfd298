/*
 * must.h -- what has to hold, or the process ends with where and what.
 *
 * Above   unit.h, fuzz/fuzz.h, fault/kernel.c
 * Lock    none: from any thread
 */
#ifndef TESTS_MUST_H
#define TESTS_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(cond)                                                         \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#cond);                                    \
			abort();                                           \
		}                                                          \
	} while (0)

#endif

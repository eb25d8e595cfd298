/*
 * life_must.h -- what has to hold in a life, whatever is refused.
 *
 * Above   tests/fault/life.c and its parts
 * Lock    none
 * Always  who says why it dies is not refused the words
 */
#ifndef TESTS_FAULT_LIFE_MUST_H
#define TESTS_FAULT_LIFE_MUST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wraps.h"

static void
orders_end(void)
{
	if (orders_of_this_run() != NULL)
		atomic_store(&orders_of_this_run()->is_on, false);
}

/* No stdio: it allocates. */
#define must(cond)                                                       \
	do {                                                             \
		if (!(cond)) {                                           \
			orders_end();                                    \
			dprintf(STDERR_FILENO, "%s:%d: %s (errno %d)\n", \
				__FILE__, __LINE__, #cond, errno);       \
			abort();                                         \
		}                                                        \
	} while (0)

#endif

/*
 * group.h -- memory control groups, made for a case and removed after it.
 *
 * Above   case.c makes and removes them; cases read and change them
 * Lock    none
 * Always  a group lies below the one that the test itself is in, and is of
 *         version 1, where a group that holds processes may have groups below
 */
#ifndef TESTS_PROCESS_GROUP_H
#define TESTS_PROCESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#define GROUP_DIR_BYTES 4096

struct group {
	char dir[GROUP_DIR_BYTES];       /* for the case's process */
	char above[GROUP_DIR_BYTES + 8]; /* its parent's; "": our own */
};

/*
 * Makes a group with a limit in bytes, and where limit_above is not 0 one with
 * that limit above it; a limit of 0 is none. False where that is not permitted
 * or not to be had: *why says what is missing, and nothing is left.
 */
bool group_make(struct group *g, size_t limit, size_t limit_above,
		const char **why);

/* Waits until its processes have left it. */
void group_remove(const struct group *g);

/* --- for the cases ------------------------------------------------------------ */

/* A number in a file of the group that the case's process began in. */
size_t group_read(const char *leaf);
bool group_write(const char *leaf, size_t number);

#define GROUP_LIMIT "memory.limit_in_bytes"
#define GROUP_USAGE "memory.usage_in_bytes"

/* The environment variable that tells the case where it is. */
#define GROUP_VARIABLE "TRI_TEST_GROUP"

#endif

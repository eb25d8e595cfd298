/*
 * system.h -- settings of the whole system, switched for a moment.
 *
 * Above   the programs of tests/process
 * Lock    one test of the machine at a time: a lock on the setting's file
 * Always  what was switched is restored, however the process ends: a child
 *         that waits for its end does it
 */
#ifndef TESTS_PROCESS_SYSTEM_H
#define TESTS_PROCESS_SYSTEM_H

#include <stdbool.h>

/* True where transparent huge pages are made `always`, by `madvise`, `never`. */
bool system_makes_huge_pages(const char *when);

/*
 * Makes them when the word says, and khugepaged eager. Skips the case where
 * that is not permitted. The result is for system_restore().
 */
struct switched *system_switch_huge_pages(const char *when);

/* Returns when all is as it was. */
void system_restore(struct switched *s);

#endif

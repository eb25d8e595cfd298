/*
 * guarded.h -- what makes us harder to attack: memory that nobody runs into or
 * writes to, numbers that nobody foretells.
 *
 * Above   pages/meta.c, pages/region.c, pages/pagepool.c, heap/guard.c, cache,
 *         api/boot.c, api/checked.c
 * Lock    none; what os.h says holds here too
 * Always  where the kernel refuses, all goes on as if it had not been asked
 */
#ifndef TRI_OS_GUARDED_H
#define TRI_OS_GUARDED_H

#include "os.h"

/*
 * The same between two inaccessible pages, so that whoever runs over what lies
 * next to it faults. For good: there is no way to unmap it. 2 calls.
 */
void *os_map_guarded(size_t bytes);

/*
 * Makes the whole kernel pages of a range read-only, until os_commit().
 * Nothing changes where the kernel refuses. 1 us.
 */
void os_seal(void *addr, size_t bytes);

/* A number that nobody outside of this process and its children knows. */
uint64_t os_secret(void);

/* One that nobody can foretell who does not know that. An atomic addition. */
uint64_t os_random(void);

#endif

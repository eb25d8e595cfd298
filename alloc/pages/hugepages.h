/*
 * hugepages.h -- the option `thp`, and holes that stay holes.
 *
 * Above   region, pagepool, heap/bin
 * Lock    hugepages_forbid: one caller at a time (a purge); the others none
 * Always  a chunk with is_small_paged was advised against huge pages
 *
 * Where the kernel makes huge pages of all memory, khugepaged fills the hole
 * that a purge of some pages leaves: it finds 2 MiB with a resident page in it
 * and brings back the rest (max_ptes_none is 511 of 512). So before the first
 * page of a chunk is purged while others stay, the chunk is advised against
 * huge pages, and a chunk that is wholly free forgets it by a new mapping. The
 * advice splits the kernel's mapping, hence it is given only where huge pages
 * are made: with thp:always, or by the system's setting. With thp:never all
 * our memory is advised against them once.
 */
#ifndef TRI_PAGES_HUGEPAGES_H
#define TRI_PAGES_HUGEPAGES_H

#include "region.h"

/* For newly mapped memory, chunks at a time: what the option says. */
void hugepages_advise(void *addr, size_t bytes);

/* Some pages of a chunk are about to be purged. */
void hugepages_forbid(struct chunk *c);

#endif

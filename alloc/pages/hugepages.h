/*
 * hugepages.h -- the option `thp`, and holes that stay holes.
 *
 * Above   region, pagepool, heap/bin
 * Lock    the chunk's: nobody else takes or purges it meanwhile; for advice none
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
 *
 * A part of a huge page that is given back stays in the container's bill until
 * the kernel, short of memory, splits the page; and the first page of a chunk
 * that is touched costs the container all of it. So the page is split before
 * the purge; a chunk that is begun with counts as all of its pages (and those
 * that are taken of it then once more: a look at the limit comes too soon, never
 * too late); and near the limit it is advised against huge pages beforehand.
 */
#ifndef TRI_PAGES_HUGEPAGES_H
#define TRI_PAGES_HUGEPAGES_H

#include "../os/os.h"
#include "region.h"

/* For newly mapped memory, chunks at a time: what the option says. */
void hugepages_advise(void *addr, size_t bytes);

/* This part of a chunk is about to be purged, while others stay. */
void hugepages_forbid(const struct os_range *range);

/*
 * The dirty pages of a chunk of the pool have gone, so many. Others, which
 * nobody took, may be there all the same: they came with a huge page.
 */
void hugepages_purge_rest(struct chunk *c, size_t nwent);

/* So many chunks are handed out, of the last of which pages may stay untouched;
 * or NULL. */
void hugepages_begin(struct chunk *first, size_t count);

#endif

/*
 * residence.h -- our books against the kernel's, page by page.
 *
 * Above   control/bill
 * Lock    each owner's in turn, inside, to copy a chunk's bitmaps; none while
 *         the kernel is asked
 * Always  a chunk that changes hands at that moment is left out
 */
#ifndef TRI_PAGES_RESIDENCE_H
#define TRI_PAGES_RESIDENCE_H

#include "pageheap.h"

/* Bytes. */
struct residence {
	size_t resident;  /* of all chunks, as the kernel has it */
	size_t untouched; /* resident by our books and not by the kernel's */
	size_t records;   /* resident of tables and records */
};

/* Slow: 5 us for each chunk of 2 MiB. Any thread, no lock held. */
void residence_compare(struct residence *out);

#endif

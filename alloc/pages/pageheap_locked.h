/*
 * pageheap_locked.h -- what the two files of a page heap share.
 *
 * Above   pageheap.c, pageheap_purge.c
 * Lock    ph->lock is held
 * Always  the chunk is the page heap's
 */
#ifndef TRI_PAGES_PAGEHEAP_LOCKED_H
#define TRI_PAGES_PAGEHEAP_LOCKED_H

#include "pageheap.h"

/* Puts a chunk on the list of its bucket after its bitmaps changed. */
void pageheap_relist_locked(struct pageheap *ph, struct chunk *c);

/* Keeps the sums and the dirty list right after ndirty went from `before`. */
void pageheap_redirty_locked(struct pageheap *ph, struct chunk *c,
			     size_t before);

/* After pages were given: one without a used page leaves for the pool. */
void pageheap_keep_or_leave_locked(struct pageheap *ph, struct chunk *c);

#endif

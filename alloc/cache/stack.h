/*
 * stack.h -- one bin's array of free blocks, and how deep it may be.
 *
 * Above   cache/tcache.c, cache/drain.c
 * Lock    the cache's (LOCK_CACHE); the cache is closed or the caller's own
 * Always  what the depths of a cache's bins stand for is in its budgets
 *
 * Depth is adaptive. A bin begins without an array. Each miss of malloc and
 * each overflow of free doubles its depth, up to a bound in bytes: a thread
 * that allocates once keeps a handful of blocks, a busy one hundreds. Page
 * runs are cached one by one within a budget of bytes for the whole thread.
 */
#ifndef TRI_CACHE_STACK_H
#define TRI_CACHE_STACK_H

#include "tcache.h"

/* After a miss or an overflow: twice as deep, within bound and budget. */
void stack_grow(struct tcache *c, struct cache_bin *b, unsigned cls);

/* One more page run of this class, if the thread's budget has room for it. */
bool stack_grow_large(struct tcache *c, struct cache_bin *b, unsigned cls);

/* Makes room for one block; false where the bin can have none. */
bool stack_make_room(struct tcache *c, struct cache_bin *b, unsigned cls);

/* Gives the n blocks that were freed first back to where they came from. */
void stack_flush(struct cache_bin *b, unsigned cls, size_t n);

/* Empties a bin, takes its depth, and what that stands for in the budget. */
void stack_flatten(struct tcache *c, struct cache_bin *b, unsigned cls);

/* Gives the array of an empty bin back; the caller resets the bin. */
void stack_strip(struct cache_bin *b);

/*
 * True where a cache may hold more than its share, because threads were born
 * since it grew. cache_shrink takes that from it, the largest blocks first; c
 * is as for cache_empty. c->lock is held.
 */
bool cache_is_over(const struct tcache *c);
void cache_shrink(struct tcache *c);

#endif

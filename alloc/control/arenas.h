/*
 * arenas.h -- arenas that the program makes, empties and ends.
 *
 * Above   control/ctl
 * Lock    LOCK_TRIM and those below it, inside
 * Always  what cannot be is said by an errno value and changes nothing; but
 *         arenas_destroy() frees the blocks before it knows that there are none
 *
 * Whoever resets or ends an arena has stopped using its blocks, and no thread
 * allocates of it meanwhile: the blocks are not theirs any more. The caches
 * that the program made give theirs up first; threads' own never have any
 * (heap/arena.h).
 */
#ifndef TRI_CONTROL_ARENAS_H
#define TRI_CONTROL_ARENAS_H

#include "../heap/arena.h"

/* The number of a new arena; EAGAIN where there are ARENAS_MAX. */
int arenas_create(unsigned *index);

/*
 * Frees every block of it. EFAULT for one that threads are given or that does
 * not exist.
 */
int arenas_reset(unsigned index);

/*
 * The same, and its number may be used again. EFAULT also while threads are
 * bound to it; and where some still allocate of it: its older blocks are free
 * then, as after arenas_reset().
 */
int arenas_destroy(unsigned index);

/*
 * Its hooks (pages/hooks.h), those of the library where it was given none. Only
 * an arena that the program made is given any, EFAULT for others; they stay
 * where they are, and in force until it ends.
 */
int arenas_hooks(unsigned index, struct extent_hooks **hooks);
int arenas_set_hooks(unsigned index, struct extent_hooks *hooks);

/* "auto_0", "manual_9", or as it was named. */
int arenas_name(unsigned index, char name[ARENA_NAME_BYTES]);
int arenas_rename(unsigned index, const char *name);

/* In ms, -1 for never: its own, or that of all. */
int arenas_decay_ms(unsigned index, int64_t *decay_ms);
int arenas_set_decay_ms(unsigned index, int64_t decay_ms);

/* Gives back what is free in it: all, or what has been for a tick. */
int arenas_purge(unsigned index);
int arenas_decay(unsigned index);

#endif

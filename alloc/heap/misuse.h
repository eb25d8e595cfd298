/*
 * misuse.h -- the sentence that whoever misuses the allocator dies with.
 *
 *	trimalloc: free(): 0x7f12a040 was already freed (class 112 bytes,
 *	slot 12 of a slab with 37 of 585 handed out)
 *
 * on one line: function, pointer, what is wrong with it, and what is known of
 * the place. That is read without any lock, some of which the thread may hold:
 * hints, for other threads go on. It is said of records that are always mapped,
 * and nothing is read at the pointer itself.
 *
 * Above   heap/slab.h, heap/bin.c, cache/quarantine.c, api
 * Lock    none
 * Always  nothing is allocated, and no address that may fault is read
 */
#ifndef TRI_HEAP_MISUSE_H
#define TRI_HEAP_MISUSE_H

#include "../base/check.h"

struct misuse {
	struct text text;
	char buf[384];
};

/* "trimalloc: free(): 0x7f12a040"; the caller says what is wrong. */
struct text *misuse_begin(struct misuse *m, const char *name, const void *p);

/*
 * What is known of the place that p points to, e.g. "class 112 bytes, slot 12
 * of a slab with 37 of 585 handed out". Handed out are slots that the program
 * or a cache has.
 */
void misuse_known(struct text *t, const void *p);

/* Adds that in brackets, and ends the line. */
struct text *misuse_finish(struct misuse *m, const void *p);

/* The same, and dies. No lock is held. */
_Noreturn void misuse_die(struct misuse *m, const void *p);

/* All of it, with `why` in the middle, e.g. " was already freed". */
_Noreturn void misuse_die_because(const char *name, const void *p,
				  const char *why);

/* The same where locks may be held, which a JVM's handler might wait for. */
_Noreturn void misuse_die_locked(const char *name, const void *p,
				 const char *why);

#endif

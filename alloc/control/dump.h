/*
 * dump.h -- the statistics, written where the options say when it is asked for.
 *
 * Above   control/trim.c (a signal, an interval), control/server.c (a request)
 * Lock    none: a word says that one is being written
 * Always  who asks never waits for the writing; however often it is asked for
 *         meanwhile, one dump follows
 *
 * A signal handler asks; the trim thread looks between two naps, and writes.
 * There is a pause between two dumps, so that whoever sends signals as fast as
 * he can gets ten dumps a second, and costs no more than that.
 */
#ifndef TRI_CONTROL_DUMP_H
#define TRI_CONTROL_DUMP_H

#include <stdatomic.h>

#include "../base/base.h"

#define DUMP_PAUSE_NS UINT64_C(100000000)

/* No dump is to come by itself. */
#define DUMP_NEVER UINT64_MAX

/*
 * Has a dump written soon; true where none was asked for yet, so the trim
 * thread is to be woken. Fit for signal handlers.
 */
bool dump_ask(void);

/* True where one is asked for and not written yet. */
bool dump_is_asked(void);

/* The trim thread begins, and with it the interval. */
void dump_begin(void);

/*
 * For fork.c, in the child: the files so far are its parent's, and so was the
 * thread that was writing one. By its number it may seem to be its parent,
 * each the first of a namespace.
 */
void dump_forget(void);

/* Nanoseconds until dump_serve() has something to do, at least 1. */
uint64_t dump_wait_ns(void);

/* Writes a dump if one is due. The trim thread. */
void dump_serve(void);

/*
 * Writes a dump at once. Where it went is in `where`, terminated: a path, or
 * "stderr". 0; EBUSY while another thread writes one; or what failed.
 */
int dump_now(char *where, size_t cap);

#endif

/*
 * signals.h -- signals by name, for options and what is said about them.
 *
 * Above   base/options.c, control/dump.c
 * Lock    none
 * Always  names are those of <signal.h>; a number without one is a real-time
 *         signal
 */
#ifndef TRI_BASE_SIGNALS_H
#define TRI_BASE_SIGNALS_H

#include "text.h"

/* The number of "SIGURG" or "URG", which need not be terminated; 0: none. */
int signal_by_name(const char *name, size_t len);

/* "SIGURG", or the number where there is no name. */
void text_signal(struct text *t, int number);

/*
 * False for those that cannot be caught, and for those that a fault in the
 * program raises: after a handler that did nothing about it the fault would be
 * raised again, for ever.
 */
bool signal_may_be_caught(int number);

#endif

/*
 * signals.h -- what signal.c needs before the program runs.
 *
 * Above   boot.c
 * Lock    none
 */
#ifndef TRI_API_SIGNALS_H
#define TRI_API_SIGNALS_H

/*
 * Finds the functions that come next. Once, at boot: a signal handler may call
 * sigaction() and signal(), and those must not search for symbols then.
 */
void signals_boot(void);

#endif

/*
 * fork.h -- the three handlers of pthread_atfork, and who registers them.
 *
 * Above   boot.c, atfork.c
 * Lock    prepare takes every lock, ranks rising; parent and child drop them
 */
#ifndef TRI_API_FORK_H
#define TRI_API_FORK_H

void fork_prepare(void);
void fork_parent(void);
void fork_child(void);

/* Registers them unless they are. Any thread, no lock held. */
void atfork_boot(void);

#endif

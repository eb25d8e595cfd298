/*
 * server.h -- the control socket: the option `control`.
 *
 * Above   control/trim.c, api/boot.c, api/fork.c
 * Lock    LOCK_SERVER while its thread is made, so that no child of a fork is
 *         born in the middle of that
 * Always  no option, no socket and no thread; only the process's own user and
 *         root are answered; whatever they do, no lock is held while they are
 *         waited for, and what they can have the process keep is bounded
 *
 * The thread is born of the trim thread and shares its table of descriptors,
 * not the program's. It sleeps until somebody connects. The protocol is told
 * in request.h.
 */
#ifndef TRI_CONTROL_SERVER_H
#define TRI_CONTROL_SERVER_H

#include "spawn.h"

/* Connections at a time; further ones are told so. */
#define SERVER_PEERS 8u

/* A connection is closed when nothing moves on it for this time. */
#define SERVER_PATIENCE_NS UINT64_C(5000000000)

/*
 * The options are read: what a program before this one (exec) left at this
 * process's path goes.
 */
void server_boot(void);

/*
 * The trim thread begins, and ends. `has_files`: it has a table of descriptors
 * of its own.
 */
void server_start(spawn_create_fn *create, bool has_files);
void server_stop(void);

/* The program exits: the file goes. */
void server_exit(void);

/* For fork.c; the child forgets: file and thread are its parent's. */
void server_lock(void);
void server_unlock(void);
void server_forget(void);

#endif

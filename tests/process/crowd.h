/*
 * crowd.h -- many threads that do the same.
 *
 * Above   the programs of tests/process
 * Lock    none
 * Always  small stacks, so that a thousand of them are cheap
 */
#ifndef TESTS_PROCESS_CROWD_H
#define TESTS_PROCESS_CROWD_H

#include <pthread.h>
#include <sys/types.h>

#include "memory.h"

#define CROWD_STACK_BYTES (128 * KIB)

/* Starts n threads, the i-th with (void *)i; ends the process where it cannot. */
void crowd_start(pthread_t *threads, size_t n, void *(*run)(void *));

/* The same for one, with any argument. */
pthread_t crowd_start_one(void *(*run)(void *), void *argument);

/* Waits for all of them. */
void crowd_join(const pthread_t *threads, size_t n);

/* Both. */
void crowd_run(size_t n, void *(*run)(void *));

/* Waits for a child, which has to end with 0. */
void child_join(pid_t pid);

/*
 * Takes blocks of many sizes, writes them, frees all: what a thread does that
 * lives a life. Ends the process where something is wrong.
 */
void live_a_life(uint64_t seed, int nblocks);

/* A short one, as a thread's function. */
void *live_a_life_in_a_thread(void *seed);

/* Fills 60 MB in blocks of 3,000 bytes, and frees them all. One thread at a time. */
void free_much(void);

#endif

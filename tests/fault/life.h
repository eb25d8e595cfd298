/*
 * life.h -- what a process does while its calls fail: all that the library is
 * for, taking no for an answer.
 *
 * Above   tests/fault/kernel.c
 * Lock    none
 * Always  nothing here waits without an end; a refusal is NULL with ENOMEM or
 *         an error number, and never a reason to fail
 */
#ifndef TESTS_FAULT_LIFE_H
#define TESTS_FAULT_LIFE_H

/* Lives differ in their options and limits, so that all of the library is met. */
enum {
	LIFE_OF_ROTATION, /* one dump file and its elders; a stale socket */
	LIFE_OF_SCARCITY, /* commit charge is short; dumps to stderr */
	LIFE_OF_COUNTING, /* dump files with numbers; decay 0; huge pages */
	LIFE_OF_GUARDS,   /* guarded blocks, which are misused */
	NLIVES
};

/*
 * TRIMALLOC_CONF for one, whose files lie in `folder`; what it is to find there
 * is made. In the process that is to be it.
 */
const char *life_conf(unsigned life, const char *folder);

/*
 * Lives while orders_of_this_run() are on, ends them, and dies unless what was
 * had is given back, the books are right and everything works.
 */
void live(int life, const char *folder);

#endif

/*
 * wraps.h -- every call of the allocator's that may fail, made to fail by order.
 *
 * The program that has these is linked with --wrap for each name below, so a
 * call of the library's arrives here first. It is counted for the place that it
 * was made from, the return address, and fails where the order says so. What
 * is counted lives in a mapping that all processes of a run share.
 *
 * Above   tests/fault/kernel.c
 * Lock    none: all is atomic
 * Always  the program's own calls go by __real_ or by names that nobody wraps,
 *         so whatever arrives here is the library's
 */
#ifndef TESTS_FAULT_WRAPS_H
#define TESTS_FAULT_WRAPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NSITES_MAX 256
#define NAME_BYTES 32

/* The descriptor by which a run gets the mapping; without it none fails. */
#define ORDERS_FD 9

/* One place in the library that calls one function. */
struct site {
	_Atomic uintptr_t place; /* from the program's beginning; 0: free */
	char name[NAME_BYTES];
	_Atomic unsigned count;  /* calls in this run */
	_Atomic unsigned nfails; /* of them refused */
};

enum scope {
	ONE_CALL,   /* the k-th from one place */
	ONE_PLACE,  /* all from one place */
	ONE_CALLEE, /* of one function, from any place, from the k-th on */
};

/* Who is to fail; place 0: nobody. */
struct fault {
	enum scope scope;
	uintptr_t place;
	char name[NAME_BYTES];
	unsigned k;
	int error; /* 0: the usual one */
	_Atomic unsigned count;
};

/* Some places are come to only where others have failed. */
#define NFAULTS 4

struct orders {
	struct fault faults[NFAULTS];
	/* The program under test switches it off when it has had enough. */
	_Atomic bool is_on;
	struct site sites[NSITES_MAX];
};

/* What the runner lays out and a run obeys; NULL in the runner. */
struct orders *orders_of_this_run(void);

/*
 * A move to a place is refused before anything is unmapped, as Linux does it
 * where there are nearly too many mappings. No fault: it is counted nowhere.
 */
extern bool wraps_refuse_moves;

#endif

/*
 * layout.c -- prints where blocks lie, in a process whose address space the
 * kernel lays out the same way each time. hardened.py compares the runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <unistd.h>

#include "base/base.h"

#define NBLOCKS 32

static void *blocks[2 * NBLOCKS + 1];

/* Started anew, for the address space is laid out by then. 77: not allowed. */
static void
lay_out_alike(char **argv)
{
	int now = personality(0xffffffff);

	if (now != -1 && (now & ADDR_NO_RANDOMIZE) != 0)
		return;
	if (now == -1 ||
	    personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1)
		exit(77);
	execv("/proc/self/exe", argv);
	exit(77);
}

int
main(int argc UNUSED, char **argv)
{
	lay_out_alike(argv);
	for (unsigned i = 0; i < NBLOCKS; i++)
		blocks[i] = malloc(64);
	for (unsigned i = NBLOCKS; i < 2 * NBLOCKS; i++)
		blocks[i] = malloc(1000);
	blocks[2 * NBLOCKS] = malloc(8 * MIB);
	for (unsigned i = 0; i <= 2 * NBLOCKS; i++)
		printf("%p\n", blocks[i]);
	return 0;
}

/*
 * life_blocks.h -- the blocks of a life: taken, changed and freed while calls
 * fail, each with a pattern in it.
 *
 * Above   tests/fault/life.c
 * Lock    none; a struct blocks belongs to one thread
 * Always  no is an answer, with ENOMEM, and leaves the old block as it was
 */
#ifndef TESTS_FAULT_LIFE_BLOCKS_H
#define TESTS_FAULT_LIFE_BLOCKS_H

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "life_must.h"
#include "wraps.h"

/* --- blocks ----------------------------------------------------------------------- */

#define NBLOCKS 24

struct blocks {
	unsigned char *p[NBLOCKS];
	size_t n[NBLOCKS];
	unsigned nrefused;
};

/* Refused: it was said why. */
static void *
note(struct blocks *b, void *p)
{
	must(p != NULL || errno == ENOMEM);
	b->nrefused += p == NULL;
	return p;
}

static void *
request(struct blocks *b, unsigned i, size_t n)
{
	void *p = NULL;

	errno = 0;
	switch (i % 6) {
	case 0:
		p = note(b, calloc(n, 1));
		for (size_t k = 0; p != NULL && k < n; k += 256)
			must(((char *)p)[k] == 0);
		return p;
	case 1:
		return note(b, aligned_alloc(64, n));
	case 2:
		errno = posix_memalign(&p, 8192, n);
		return note(b, p);
	case 3:
		return note(b, realloc(NULL, n));
	case 4:
		return note(b, memalign(2 * MIB, n));
	default:
		return note(b, malloc(n));
	}
}

static void
take_blocks(struct blocks *b)
{
	static const size_t some[] = { 10,    100,     1000,        5000,
				       16384, 20000,   65536,       300000,
				       MIB,   MIB + 1, 3 * MIB + 1, 24 };

	for (unsigned i = 0; i < NBLOCKS; i++) {
		b->n[i] = some[i % 12] + i;
		b->p[i] = request(b, i, b->n[i]);
		if (b->p[i] != NULL)
			memset(b->p[i], (int)i, min_size(b->n[i], 70000));
	}
}

static void
check_block(const struct blocks *b, unsigned i, size_t n)
{
	n = min_size(n, 70000);
	must(b->p[i][0] == i && b->p[i][n / 2] == i && b->p[i][n - 1] == i);
}

/* Larger, then smaller; refused, the block is as it was. */
static void
resize_blocks(struct blocks *b)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		size_t n = i % 2 ? b->n[i] / 3 + 1 : b->n[i] * 3;
		unsigned char *p;

		if (b->p[i] == NULL)
			continue;
		errno = 0;
		p = note(b, realloc(b->p[i], n));
		if (p == NULL) {
			check_block(b, i, b->n[i]);
			continue;
		}
		b->p[i] = p;
		check_block(b, i, min_size(n, b->n[i]));
		b->n[i] = n;
		memset(p, (int)i, min_size(n, 70000));
	}
}

static void
free_blocks(struct blocks *b, unsigned every)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		if (b->p[i] == NULL || i % every != 0)
			continue;
		check_block(b, i, b->n[i]);
		errno = 4711;
		free(b->p[i]);
		must(errno == 4711);
		b->p[i] = NULL;
	}
}

/* A run that grows beyond what is free behind it has its pages moved. */
static void
grow_a_large_one(struct blocks *b)
{
	char *p = note(b, malloc(3 * MIB)), *q, *neighbour;

	neighbour = malloc(3 * MIB);
	if (p != NULL) {
		memset(p, 7, 3 * MIB);
		q = note(b, realloc(p, 12 * MIB));
		p = q != NULL ? q : p;
		must(p[0] == 7 && p[3 * MIB - 1] == 7);
	}
	free(p);
	free(neighbour);
}

/* Slabs of which a block stays here and there: their pages go. */
static void
leave_holes(struct blocks *b)
{
	static void *small[3000];

	memset(small, 0, sizeof small);
	for (unsigned i = 0; i < 3000; i++) {
		small[i] = note(b, malloc(700));
		if (small[i] == NULL)
			break;
	}
	for (unsigned i = 0; i < 3000; i++) {
		if (i % 60 != 0)
			free(small[i]);
	}
	malloc_trim(0);
	for (unsigned i = 0; i < 3000; i += 60)
		free(small[i]);
}

#endif

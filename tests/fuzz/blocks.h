/*
 * blocks.h -- the model of sequences.c: blocks, and what is in them.
 *
 * Above   sequences.c
 * Lock    none: one thread at a time
 * Always  `live` is the sum of the bytes of all blocks in `slots`
 */
#ifndef TESTS_FUZZ_BLOCKS_H
#define TESTS_FUZZ_BLOCKS_H

#include "fuzz.h"
#include SEQUENCES_NAMES

#define NSLOTS    64u
#define NO_ARENA  ~0u
#define KIB       ((size_t)1 << 10)
#define MIB       ((size_t)1 << 20)
#define WHOLE_MAX (64 * KIB)
#define PAGE      4096u

struct slot {
	unsigned char *p;
	size_t asked;     /* for the functions that are told the size */
	size_t usable;    /* all of it is filled */
	size_t alignment; /* what it was allocated with; 1: nothing said */
	unsigned arena;
	unsigned char byte;
};

extern struct slot slots[NSLOTS];
extern struct input in;
extern size_t live;
extern bool may_fail; /* the kernel may have refused something */

/* Fills a block, as much as there is of it. */
void slot_fill(struct slot *s);

/* The first n bytes at p are those that were filled into s. */
void slot_check(const struct slot *s, const unsigned char *p, size_t n);

/* The bytes of p from one place to another are zero. */
void check_zero(const unsigned char *p, size_t from, size_t to);

/* A block came; NULL where memory is used up. */
void slot_begin(struct slot *s, void *p, size_t asked, size_t alignment);

/* The block is about to go, or to be another one. */
void slot_end(struct slot *s);

/* All blocks of an arena went at once. */
void forget_arena(unsigned arena);

/* From the input: each doubling up to 4 MiB, the small ones more often; more
 * than anybody has; a power of two. */
size_t take_size(void);
size_t take_too_much(void);
size_t take_alignment(void);

/* The model is not to fill the machine. */
bool there_is_room(size_t bytes);

#endif

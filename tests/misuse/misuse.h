/*
 * misuse.h -- what the programs that misuse the allocator share.
 *
 * Each program does one thing wrong, after it has written the address in
 * question to standard output; misuse.c compares the sentence that it dies
 * with, address and all. So a program that runs on another malloc fails.
 *
 * Above   every program of this folder but misuse.c
 * Lock    none
 * Always  the compiler knows nothing about the pointers
 */
#ifndef TESTS_MISUSE_MISUSE_H
#define TESTS_MISUSE_MISUSE_H

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void *
hide(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

/* Says which address the sentence will be about. */
static inline void *
announce(void *p)
{
	p = hide(p);
	dprintf(STDOUT_FILENO, "%p", p);
	return p;
}

/* A block of n bytes, written whole. */
static inline char *
block(size_t n)
{
	char *p = hide(malloc(n));

	if (p == NULL)
		_exit(95);
	memset(p, 0x11, n);
	return p;
}

static inline void *
function(const char *name)
{
	void *f = dlsym(RTLD_DEFAULT, name);

	if (f == NULL)
		_exit(94);
	return f;
}

/*
 * C23's functions, which older headers do not declare. Allocators that lack
 * them have C++'s operators for the same.
 */
static inline void
free_with_size(void *p, size_t n)
{
	void *f = dlsym(RTLD_DEFAULT, "free_sized");

	if (f == NULL)
		f = function("_ZdlPvm");
	((void (*)(void *, size_t))f)(p, n);
}

static inline void
free_with_alignment(void *p, size_t alignment, size_t n)
{
	void *f = dlsym(RTLD_DEFAULT, "free_aligned_sized");

	if (f != NULL)
		((void (*)(void *, size_t, size_t))f)(p, alignment, n);
	else
		((void (*)(void *, size_t, size_t))function(
			"_ZdlPvmSt11align_val_t"))(p, n, alignment);
}

#endif

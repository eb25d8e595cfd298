/*
 * names.c -- names that the suite's programs are linked with and that musl does
 * not have: a library that comes after the one that is preloaded, so that a
 * process with that has all of them from there.
 */
#include <stdio.h>
#include <stdlib.h>

int malloc_trim(size_t pad);
int malloc_info(int options, FILE *to);
void *pvalloc(size_t n);

int
malloc_trim(size_t pad)
{
	(void)pad;
	abort();
}

int
malloc_info(int options, FILE *to)
{
	(void)options;
	(void)to;
	abort();
}

void *
pvalloc(size_t n)
{
	(void)n;
	abort();
}

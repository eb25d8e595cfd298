/*
 * early.c -- a library whose constructor registers fork handlers that allocate
 * more than a thread's cache has. Where libpthread is a library of its own, this
 * constructor runs before the allocator's.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N = 3000 };

static void
allocate(void)
{
	static void *held[N];

	for (size_t i = 0; i < N; i++) {
		held[i] = malloc(16 + i * 13 % 30000);
		if (held[i] == NULL)
			abort();
		memset(held[i], 1, 16);
	}
	for (size_t i = 0; i < N; i++)
		free(held[i]);
}

__attribute__((constructor)) static void
begin(void)
{
	if (pthread_atfork(allocate, allocate, allocate) != 0)
		abort();
}

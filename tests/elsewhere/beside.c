/*
 * beside.c -- the archive in a program that is linked statically, beside the C
 * library's own malloc.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <trimalloc/trimalloc.h>

static void *
work(void *unused)
{
	for (size_t n = 1; n < 200000; n += n / 50 + 1) {
		char *p = tri_malloc(n), *q = malloc(n);

		if (p == NULL || q == NULL || (uintptr_t)p % 16 != 0)
			exit(2);
		memset(p, 1, n);
		memset(q, 2, n);
		if (p[0] != 1 || p[n - 1] != 1)
			exit(3);
		tri_free(p);
		free(q);
	}
	return unused;
}

int
main(void)
{
	size_t nthreads, size = sizeof nthreads;
	pthread_t t;

	for (int i = 0; i < 20; i++) {
		if (pthread_create(&t, NULL, work, NULL) != 0)
			return 4;
		pthread_join(t, NULL);
	}
	work(NULL);
	/* Threads that ended left nothing behind. */
	if (tri_mallctl("trimalloc.stats.threads", &nthreads, &size, NULL, 0) ==
	    0)
		return nthreads > 1 ? 5 : 0;
	return 6;
}

/*
 * smoke.c -- a program for C libraries and processors on which the whole suite
 * does not run: does the preloaded library serve it?
 *
 * Exits with 0, or with the number of the first line below that did not hold.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(holds)                      \
	do {                             \
		if (!(holds))            \
			_exit(__LINE__); \
	} while (0)

#define NTHREADS 8
#define NROUNDS  20000
#define NBLOCKS  64

/* Every byte says whose block it is, so that two owners of one would show. */
static void
check_bytes(unsigned char *p, size_t n, unsigned char own)
{
	for (size_t i = 0; p != NULL && i < n; i++)
		MUST(p[i] == own);
}

static void *
work(void *arg)
{
	unsigned char own = (unsigned char)(uintptr_t)arg;
	unsigned char *blocks[NBLOCKS] = { NULL };
	size_t sizes[NBLOCKS] = { 0 };
	uint32_t dice = own;

	for (int i = 0; i < NROUNDS; i++) {
		unsigned k;

		dice = dice * 1664525 + 1013904223;
		k = dice >> 26;
		check_bytes(blocks[k], sizes[k], own);
		sizes[k] = (dice >> 8) % (i % 100 == 0 ? 300000 : 600) + 1;
		if (i % 3 == 0)
			blocks[k] = realloc(blocks[k], sizes[k]);
		else {
			free(blocks[k]);
			blocks[k] = malloc(sizes[k]);
		}
		MUST(blocks[k] != NULL && (uintptr_t)blocks[k] % 16 == 0);
		memset(blocks[k], own, sizes[k]);
	}
	for (int k = 0; k < NBLOCKS; k++)
		free(blocks[k]);
	return NULL;
}

static void
in_threads(void)
{
	pthread_t threads[NTHREADS];

	for (uintptr_t i = 0; i < NTHREADS; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) ==
		     0);
	for (int i = 0; i < NTHREADS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
}

static void
in_a_child(void)
{
	int status;
	pid_t child = fork();

	MUST(child >= 0);
	if (child == 0) {
		in_threads();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void
dies_when_freed_twice(void)
{
	int status;
	pid_t child = fork();

	MUST(child >= 0);
	if (child == 0) {
		void *volatile p = malloc(100);

		close(STDERR_FILENO);
		free(p);
		free(p);
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(void)
{
	void *p = NULL;
	char *zero = calloc(1000, 100);

	/* Another malloc would prove nothing. */
	MUST(dlsym(RTLD_DEFAULT, "tri_version") != NULL);
	MUST(posix_memalign(&p, 65536, 100) == 0 && (uintptr_t)p % 65536 == 0);
	free(p);
	for (int i = 0; i < 100000; i++)
		MUST(zero[i] == 0);
	free(zero);
	MUST(malloc(PTRDIFF_MAX) == NULL);
	in_threads();
	in_a_child();
	dies_when_freed_twice();
	return 0;
}

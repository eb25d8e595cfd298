/*
 * crowd.c -- see crowd.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "case.h"
#include "crowd.h"

#define CROWD_MAX 4096

pthread_t
crowd_start_one(void *(*run)(void *), void *argument)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstacksize(&attr, CROWD_STACK_BYTES) == 0);
	error = pthread_create(&thread, &attr, run, argument);
	expect_for(error == 0, "error %d", error);
	pthread_attr_destroy(&attr);
	return thread;
}

void
crowd_start(pthread_t *threads, size_t n, void *(*run)(void *))
{
	for (size_t i = 0; i < n; i++)
		threads[i] = crowd_start_one(run, (void *)(uintptr_t)i);
}

void
crowd_join(const pthread_t *threads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(pthread_join(threads[i], NULL) == 0);
}

void
child_join(pid_t pid)
{
	int status;

	expect_for(pid > 0, "%d", errno);
	while (waitpid(pid, &status, 0) != pid)
		expect(errno == EINTR);
	expect_for(status == 0, "status 0x%x", (unsigned)status);
}

void
crowd_run(size_t n, void *(*run)(void *))
{
	pthread_t threads[CROWD_MAX];

	expect(n <= CROWD_MAX);
	crowd_start(threads, n, run);
	crowd_join(threads, n);
}

/* Of each block so much is written, from its beginning: a life is to be quick. */
#define WRITTEN_MAX ((size_t)20000)

struct held {
	void *p;
	size_t written;
};

static void
held_replace(struct held *h, struct random *r, uint64_t key)
{
	/* One in 16 is too large for any cache. */
	size_t max = random_below(r, 16) == 0 ? 4 * MIB : WRITTEN_MAX;
	size_t n = random_size(r, max);

	expect(pattern_check(h->p, h->written, key) == h->written);
	free(h->p);
	h->written = n < WRITTEN_MAX ? n : WRITTEN_MAX;
	h->p = malloc(n);
	expect(h->p != NULL);
	pattern_fill(h->p, h->written, key);
}

void
live_a_life(uint64_t seed, int nblocks)
{
	enum { HELD = 16 };
	struct random r = { .state = seed };
	struct held held[HELD] = { { NULL, 0 } };

	for (int i = 0; i < nblocks; i++) {
		size_t at = random_below(&r, HELD);

		held_replace(&held[at], &r, at);
	}
	for (size_t at = 0; at < HELD; at++) {
		expect(pattern_check(held[at].p, held[at].written, at) ==
		       held[at].written);
		free(held[at].p);
	}
}

void *
live_a_life_in_a_thread(void *seed)
{
	live_a_life((uintptr_t)seed, 300);
	return NULL;
}

void
free_much(void)
{
	enum { N = 20000 };
	static void *held[N];

	for (size_t i = 0; i < N; i++) {
		held[i] = malloc(3000);
		expect(held[i] != NULL);
		memset(held[i], 1, 3000);
	}
	for (size_t i = 0; i < N; i++)
		free(held[i]);
}

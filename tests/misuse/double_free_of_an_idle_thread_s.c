/* A block is freed again while an idle thread's cache holds it. */
#include "misuse.h"

static pthread_barrier_t freed;

static void *
free_and_rest(void *p)
{
	free(p);
	pthread_barrier_wait(&freed);
	for (;;)
		pause();
	return NULL;
}

int
main(void)
{
	void *p = announce(block(100));
	pthread_t t;

	pthread_barrier_init(&freed, NULL, 2);
	pthread_create(&t, NULL, free_and_rest, p);
	pthread_barrier_wait(&freed);
	free(p);
	return 0;
}

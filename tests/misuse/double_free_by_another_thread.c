/* A block is freed by two threads, one after the other. */
#include "misuse.h"

static void *
free_it(void *p)
{
	free(p);
	return NULL;
}

int
main(void)
{
	void *p = announce(block(100));
	pthread_t t;

	free(p);
	pthread_create(&t, NULL, free_it, p);
	pthread_join(t, NULL);
	return 0;
}

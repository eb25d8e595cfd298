/* A large block is freed again after the thread that freed it has ended. */
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
	void *p = announce(block((size_t)64 << 10));
	pthread_t t;

	pthread_create(&t, NULL, free_it, p);
	pthread_join(t, NULL);
	free(p);
	return 0;
}

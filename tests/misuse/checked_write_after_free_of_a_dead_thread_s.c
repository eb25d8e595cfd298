/* A block is written to after the thread that freed it has ended. */
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
	char *p = announce(block(100));
	pthread_t t;

	pthread_create(&t, NULL, free_it, p);
	pthread_join(t, NULL);
	((char *)hide(p))[8] = 3;
	return 0;
}

/* The first thing that a thread does is to free what is not there. */
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
	static char variable[64];
	pthread_t t;

	pthread_create(&t, NULL, free_it, announce(variable));
	pthread_join(t, NULL);
	return 0;
}

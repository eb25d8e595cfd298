/*
 * A block is freed, written, and freed again: the mark of its first free is
 * gone. The trim thread finds it when it empties the idle thread's cache.
 */
#include "misuse.h"

static void *
misuse_and_wait(void *unused)
{
	char *p = announce(block(1000));

	free(p);
	memset(hide(p), 0x22, 1000);
	free(hide(p));
	for (;;)
		pause();
	return unused;
}

int
main(void)
{
	pthread_t thread;

	/* Else it would wait for ever. */
	alarm(20);
	pthread_create(&thread, NULL, misuse_and_wait, NULL);
	pthread_join(thread, NULL);
	return 0;
}

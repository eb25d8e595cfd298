/* A freed block is written to, and others are freed until it is to be used. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	((char *)hide(p))[0] = 3;
	for (int i = 0; i < 100000; i++)
		free(block(1000));
	_exit(0);
	return 0;
}

/* A freed block is written to, and all that is free is given back. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	((char *)hide(p))[99] = 3;
	malloc_trim(0);
	_exit(0);
	return 0;
}

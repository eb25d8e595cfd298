/* A string is one byte longer than its block. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	p[100] = 0;
	free(hide(p));
	return 0;
}

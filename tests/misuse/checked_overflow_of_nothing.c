/* A block of no bytes is written to. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(0));

	p[0] = 0;
	free(hide(p));
	return 0;
}

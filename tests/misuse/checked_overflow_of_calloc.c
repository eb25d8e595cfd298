/* A block of calloc is overrun by five bytes. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(calloc(10, 10));

	p[105] = 0;
	free(hide(p));
	return 0;
}

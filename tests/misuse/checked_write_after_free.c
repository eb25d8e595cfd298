/* A freed block is written to; the process ends. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	((char *)hide(p))[8] = 3;
	return 0;
}

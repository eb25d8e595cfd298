/* A huge block is freed twice. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block((size_t)8 << 20));

	free(p);
	free(hide(p));
	return 0;
}

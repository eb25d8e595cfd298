/* A huge block is overrun. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block((size_t)8 << 20));

	p[(size_t)8 << 20] = 0;
	free(hide(p));
	return 0;
}

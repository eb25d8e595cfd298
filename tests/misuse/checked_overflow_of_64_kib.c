/* A large block is overrun. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block((size_t)64 << 10));

	p[(size_t)64 << 10] = 0;
	free(hide(p));
	return 0;
}

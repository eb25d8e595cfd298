/* A block is overrun by more than its neighbour's first bytes. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	memset(hide(p), 0x22, 160);
	free(hide(p));
	return 0;
}

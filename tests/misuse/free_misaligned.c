/* A block is freed by an address that is off by one. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(64) + 1));
	return 0;
}

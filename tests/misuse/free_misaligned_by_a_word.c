/* A block is freed by an address that is off by a word. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(128) + 8));
	return 0;
}

/* A block is freed by the address of its last 16 bytes. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(1024) + 1008));
	return 0;
}

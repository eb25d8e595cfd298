/* A small block is freed by an address 16 bytes into it. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(64) + 16));
	return 0;
}

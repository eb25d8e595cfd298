/* A huge block is freed by an address far into it. */
#include "misuse.h"

int
main(void)
{
	free(announce(block((size_t)8 << 20) + ((size_t)5 << 20) + 48));
	return 0;
}

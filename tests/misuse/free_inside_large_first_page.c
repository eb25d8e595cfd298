/* A large block is freed by an address in its first page. */
#include "misuse.h"

int
main(void)
{
	free(announce(block((size_t)128 << 10) + 16));
	return 0;
}

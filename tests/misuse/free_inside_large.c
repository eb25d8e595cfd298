/* A large block is freed by the address of its second page. */
#include "misuse.h"

int
main(void)
{
	free(announce(block((size_t)128 << 10) + 4096));
	return 0;
}

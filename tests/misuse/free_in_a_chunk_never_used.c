/* An address behind all blocks is freed, in a chunk that none ever had. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(100) + ((size_t)12 << 20)));
	return 0;
}

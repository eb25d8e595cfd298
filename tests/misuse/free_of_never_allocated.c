/* An address between the allocator's own is freed that no block ever had. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(100) + ((size_t)1 << 30)));
	return 0;
}

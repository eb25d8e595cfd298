/* free_sized is told a small size for a large block. */
#include "misuse.h"

int
main(void)
{
	free_with_size(announce(block((size_t)1 << 20)), 100);
	return 0;
}

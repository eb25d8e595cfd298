/* free_sized is told twice the size of a huge block. */
#include "misuse.h"

int
main(void)
{
	free_with_size(announce(block((size_t)8 << 20)), (size_t)16 << 20);
	return 0;
}

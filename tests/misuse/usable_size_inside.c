/* malloc_usable_size is asked about an address in a block. */
#include "misuse.h"

int
main(void)
{
	return malloc_usable_size(announce(block(512) + 64)) > 0;
}

/* free_sized is told a fraction of the block's size. */
#include "misuse.h"

int
main(void)
{
	free_with_size(announce(block(1024)), 100);
	return 0;
}

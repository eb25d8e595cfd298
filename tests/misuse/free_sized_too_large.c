/* free_sized is told more than the block has. */
#include "misuse.h"

int
main(void)
{
	free_with_size(announce(block(1024)), 1025);
	return 0;
}

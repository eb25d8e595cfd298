/* free_sized is told one byte less than was requested. */
#include "misuse.h"

int
main(void)
{
	free_with_size(announce(block(100)), 99);
	return 0;
}

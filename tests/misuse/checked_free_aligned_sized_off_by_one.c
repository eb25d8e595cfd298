/* free_aligned_sized is told one byte more than was requested. */
#include "misuse.h"

int
main(void)
{
	free_with_alignment(announce(aligned_alloc(64, 192)), 64, 193);
	return 0;
}

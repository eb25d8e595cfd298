/* free_aligned_sized is told more than the block has. */
#include "misuse.h"

int
main(void)
{
	free_with_alignment(announce(aligned_alloc(64, 256)), 64, 100000);
	return 0;
}

/* free_aligned_sized is told an alignment that is none. */
#include "misuse.h"

int
main(void)
{
	free_with_alignment(announce(aligned_alloc(64, 256)), 48, 256);
	return 0;
}

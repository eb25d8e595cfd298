/* free_aligned_sized is told an alignment that the block has not. */
#include "misuse.h"

int
main(void)
{
	char *p = aligned_alloc(64, 256);

	/* Some block is no multiple of 8 KiB; the others are let go. */
	while ((uintptr_t)p % 8192 == 0)
		p = aligned_alloc(64, 256);
	free_with_alignment(announce(p), 8192, 256);
	return 0;
}

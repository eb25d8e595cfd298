/* free_aligned_sized is told an alignment that the block has not. */
#include "misuse.h"

int
main(void)
{
	char *p = aligned_alloc(64, 4096), *q = aligned_alloc(64, 4096);

	/* One of two neighbours is no multiple of 8 KiB. */
	free_with_alignment(announce((uintptr_t)p % 8192 != 0 ? p : q), 8192,
			    4096);
	return 0;
}

/*
 * A block is freed again that began on a page which stays, for another block's
 * sake, and ended on one that went back.
 */
#include "sparse.h"

#define SIZE 3000

int
main(void)
{
	static char *blocks[SPARSE_BLOCKS];
	char *p = NULL;

	for (int i = 0; i < SPARSE_BLOCKS; i++)
		blocks[i] = block(SIZE);
	/* The first one of each slab stays; p is the one behind it. */
	for (int i = 0; i < SPARSE_BLOCKS; i++) {
		if ((uintptr_t)blocks[i] % (16 * 4096) == 0)
			p = blocks[i] + malloc_usable_size(blocks[i]);
		else
			free(blocks[i]);
	}
	malloc_trim(0);
	if (p == NULL || !sparse_is_resident(p) ||
	    sparse_is_resident(p + SIZE - 1))
		_exit(92);
	free(announce(p));
	return 0;
}

/* A block is freed again whose page inside its slab went back to the kernel. */
#include "sparse.h"

int
main(void)
{
	free(announce(sparse_away(1000)));
	return 0;
}

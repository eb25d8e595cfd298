/* An address inside such a block is freed. */
#include "sparse.h"

int
main(void)
{
	free(announce(sparse_away(1000) + 16));
	return 0;
}

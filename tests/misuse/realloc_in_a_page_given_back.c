/* Such a block is to grow. */
#include "sparse.h"

int
main(void)
{
	return realloc(announce(sparse_away(1000)), 2000) == NULL;
}

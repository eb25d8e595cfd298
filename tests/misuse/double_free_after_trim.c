/* A small block is freed again after malloc_trim. */
#include "misuse.h"

int
main(void)
{
	void *neighbour = block(1000), *p = announce(block(1000));

	free(p);
	malloc_trim(0);
	free(p);
	free(neighbour);
	return 0;
}

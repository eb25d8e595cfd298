/* A small block is freed twice in a row. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free(p);
	free(p);
	return 0;
}

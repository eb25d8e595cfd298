/* A block is freed by free, then by realloc to nothing. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free(p);
	p = realloc(p, 0);
	return 0;
}

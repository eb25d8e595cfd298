/* A block is resized by an address into it. */
#include "misuse.h"

int
main(void)
{
	void *p = realloc(announce(block(256) + 32), 200);

	free(p);
	return 0;
}

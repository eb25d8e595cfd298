/* A freed block is resized. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free(p);
	p = realloc(p, 200);
	return 0;
}

/* A freed block is resized by reallocarray. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free(p);
	p = reallocarray(p, 3, 100);
	return 0;
}

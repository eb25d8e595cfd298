/* A freed large block is resized. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block((size_t)3 << 20));

	free(p);
	p = realloc(p, 200);
	return 0;
}

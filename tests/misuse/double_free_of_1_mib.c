/* A block of 1 MiB is freed twice in a row. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block((size_t)1 << 20));

	free(p);
	free(p);
	return 0;
}

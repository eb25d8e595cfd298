/* A block of 64 KiB is freed twice in a row. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block((size_t)64 << 10));

	free(p);
	free(p);
	return 0;
}

/* A block of 64 KiB is freed again after malloc_trim. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block((size_t)64 << 10));

	free(p);
	malloc_trim(0);
	free(p);
	return 0;
}

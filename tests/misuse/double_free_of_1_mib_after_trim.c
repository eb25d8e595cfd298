/* A block of 1 MiB is freed again after malloc_trim. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block((size_t)1 << 20));

	free(p);
	malloc_trim(0);
	free(p);
	return 0;
}

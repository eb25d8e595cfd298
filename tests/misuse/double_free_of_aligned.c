/* A block of aligned_alloc is freed twice. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(aligned_alloc(4096, 4096));

	free(p);
	free(p);
	return 0;
}

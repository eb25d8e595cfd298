/* malloc_usable_size is asked about a freed block. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free(p);
	return malloc_usable_size(p) > 0;
}

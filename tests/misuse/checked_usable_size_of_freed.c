/* A freed block that was written to is asked for its size. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	memset(hide(p), 0x22, 100);
	if (malloc_usable_size(hide(p)) > 0)
		return 0;
	return 0;
}

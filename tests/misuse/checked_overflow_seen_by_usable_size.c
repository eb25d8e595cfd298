/* A block that was overrun is asked for its size. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	p[100] = 0;
	if (malloc_usable_size(hide(p)) > 0)
		return 0;
	return 0;
}

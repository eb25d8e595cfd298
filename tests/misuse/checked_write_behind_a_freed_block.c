/* What lies behind a freed block is written to. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	((char *)hide(p))[100] = 3;
	return 0;
}

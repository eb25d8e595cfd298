/* A freed block is written all over, and freed again. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	memset(hide(p), 0x22, 100);
	free(hide(p));
	return 0;
}

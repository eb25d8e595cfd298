/* A freed large block is written all over, and freed again. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block((size_t)64 << 10));

	free(p);
	memset(hide(p), 0x22, (size_t)64 << 10);
	free(hide(p));
	return 0;
}

/* A freed large block is written to. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block((size_t)64 << 10));

	free(p);
	((char *)hide(p))[40000] = 3;
	return 0;
}

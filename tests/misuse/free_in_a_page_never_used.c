/* An address next to blocks is freed, in a page that none ever had. */
#include "misuse.h"

int
main(void)
{
	free(announce(block(100) + ((size_t)1 << 20)));
	return 0;
}

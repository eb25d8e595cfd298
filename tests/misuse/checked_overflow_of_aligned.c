/* An aligned block is overrun. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(aligned_alloc(64, 192));

	p[192] = 0;
	free(hide(p));
	return 0;
}

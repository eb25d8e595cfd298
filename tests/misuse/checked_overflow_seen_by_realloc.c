/* A block that was overrun is resized. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	p[101] = 0;
	free(realloc(hide(p), 200));
	return 0;
}

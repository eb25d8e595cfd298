/* A block that realloc made smaller where it stood is used as before. */
#include "misuse.h"

int
main(void)
{
	char *p = hide(realloc(block(100), 90));

	announce(p);
	p[95] = 0;
	free(hide(p));
	return 0;
}

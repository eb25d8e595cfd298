/* A freed block that was written to is resized. */
#include "misuse.h"

int
main(void)
{
	char *p = announce(block(100));

	free(p);
	memset(hide(p), 0x22, 100);
	free(realloc(hide(p), 200));
	return 0;
}

/* A variable is resized. */
#include "misuse.h"

int
main(void)
{
	static char variable[64];
	void *p = realloc(announce(variable), 200);

	free(p);
	return 0;
}

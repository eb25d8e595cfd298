/* A static variable is freed. */
#include "misuse.h"

int
main(void)
{
	static char variable[64];

	free(announce(variable));
	return 0;
}

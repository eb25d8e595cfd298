/* A variable on the stack is freed. */
#include "misuse.h"

int
main(void)
{
	char variable[64] = { 0 };

	free(announce(variable));
	return 0;
}

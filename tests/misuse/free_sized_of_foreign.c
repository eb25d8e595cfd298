/* free_sized is given a variable. */
#include "misuse.h"

int
main(void)
{
	static char variable[64];

	free_with_size(announce(variable), sizeof variable);
	return 0;
}

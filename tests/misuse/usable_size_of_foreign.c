/* malloc_usable_size is asked about a variable. */
#include "misuse.h"

int
main(void)
{
	static char variable[64];

	return malloc_usable_size(announce(variable)) > 0;
}

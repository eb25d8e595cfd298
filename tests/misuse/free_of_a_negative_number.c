/* An error code, cast to a pointer, is freed. */
#include "misuse.h"

int
main(void)
{
	block(100);
	free(announce((void *)(intptr_t)-16));
	return 0;
}

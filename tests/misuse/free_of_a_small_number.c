/* A number that is no address is freed. */
#include "misuse.h"

int
main(void)
{
	block(100);
	free(announce((void *)(uintptr_t)0x10));
	return 0;
}

/* A block is asked of a cache that nobody made. */
#include "misuse.h"

int
main(void)
{
	void *(*mallocx)(size_t,
			 int) = (void *(*)(size_t, int))function("mallocx");

	hide(mallocx(100, (7 + 2) << 8));
	return 0;
}

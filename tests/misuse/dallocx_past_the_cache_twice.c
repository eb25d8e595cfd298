/* A block is freed past the thread's cache, twice. */
#include "misuse.h"

int
main(void)
{
	void (*dallocx)(void *,
			int) = (void (*)(void *, int))function("dallocx");
	void *p = announce(block(100));

	dallocx(p, 1 << 8);
	dallocx(p, 1 << 8);
	return 0;
}

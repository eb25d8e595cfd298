/* sdallocx is told a fraction of the block's size. */
#include "misuse.h"

int
main(void)
{
	void (*sdallocx)(void *, size_t, int) = (void (*)(
		void *, size_t, int))function("sdallocx");

	sdallocx(announce(block(1024)), 100, 0);
	return 0;
}

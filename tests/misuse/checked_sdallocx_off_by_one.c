/* sdallocx is told one byte more than was requested. */
#include "misuse.h"

int
main(void)
{
	void (*sdallocx)(void *, size_t, int) = (void (*)(
		void *, size_t, int))function("sdallocx");

	sdallocx(announce(block(100)), 101, 0);
	return 0;
}

/* sdallocx is told an alignment that the block does not have. */
#include "misuse.h"

int
main(void)
{
	void (*sdallocx)(void *, size_t, int) = (void (*)(
		void *, size_t, int))function("sdallocx");
	void *p = block(16384), *q = block(16384);

	/* At most one of two neighbours lies at a whole MiB. */
	sdallocx(announce((uintptr_t)p % (1 << 20) != 0 ? p : q), 16384, 20);
	return 0;
}

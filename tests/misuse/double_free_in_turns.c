/* Two blocks are freed in turns, the first one twice. */
#include "misuse.h"

int
main(void)
{
	void *a = announce(block(64)), *b = block(64);

	free(a);
	free(b);
	free(a);
	return 0;
}

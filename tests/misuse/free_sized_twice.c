/* free_sized frees a block twice, with the right size. */
#include "misuse.h"

int
main(void)
{
	void *p = announce(block(100));

	free_with_size(p, 100);
	free_with_size(p, 100);
	return 0;
}

/* A block is freed again after the thread's cache gave it to its slab. */
#include "misuse.h"

int
main(void)
{
	enum { N = 20000 };
	static void *others[N];
	void *p = announce(block(48));

	for (size_t i = 0; i < N; i++)
		others[i] = block(48);
	free(p);
	for (size_t i = 0; i < N; i++)
		free(others[i]);
	free(p);
	return 0;
}

/* A large block is freed again after the thread's cache passed it on. */
#include "misuse.h"

int
main(void)
{
	enum { N = 200 };
	static void *others[N];
	void *p = announce(block((size_t)64 << 10));

	for (size_t i = 0; i < N; i++)
		others[i] = block((size_t)64 << 10);
	free(p);
	for (size_t i = 0; i < N; i++)
		free(others[i]);
	free(p);
	return 0;
}

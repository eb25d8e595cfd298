/* A block is freed again after blocks of many sizes were. */
#include "misuse.h"

int
main(void)
{
	enum { N = 500 };
	void *others[N], *p = announce(block(200));

	for (size_t i = 0; i < N; i++)
		others[i] = block(i * 40 + 1);
	free(p);
	for (size_t i = 0; i < N; i++)
		free(others[i]);
	free(p);
	return 0;
}

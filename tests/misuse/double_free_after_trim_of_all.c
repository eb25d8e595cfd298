/* A block is freed again when its whole slab went back to the kernel. */
#include "misuse.h"

int
main(void)
{
	enum { N = 2000 };
	static void *blocks[N];

	for (size_t i = 0; i < N; i++)
		blocks[i] = block(1000);
	announce(blocks[N / 2]);
	for (size_t i = 0; i < N; i++)
		free(blocks[i]);
	malloc_trim(0);
	free(blocks[N / 2]);
	return 0;
}

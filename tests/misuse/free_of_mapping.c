/* Memory of mmap is freed. */
#include "misuse.h"

#include <sys/mman.h>

int
main(void)
{
	void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The allocator is up, and has memory of its own around. */
	block(100);
	free(announce(p));
	return 0;
}

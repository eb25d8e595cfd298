/* The same where nobody asked for it. */
#include "sparse.h"

int
main(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char *p = sparse_free(1000);

	for (int i = 0; i < 20000 && sparse_is_resident(p); i++) {
		nanosleep(&pause, NULL);
		/* What a process of one thread gives back by itself. */
		free(block(8 << 20));
	}
	if (sparse_is_resident(p))
		return 91;
	free(announce(p));
	return 0;
}

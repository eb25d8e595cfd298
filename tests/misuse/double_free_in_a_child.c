/* A child frees what its parent freed before the fork. */
#include "misuse.h"

#include <signal.h>
#include <sys/wait.h>

int
main(void)
{
	void *p = announce(block(100));
	int status;

	free(p);
	if (fork() == 0)
		free(p);
	else if (wait(&status) > 0 && WIFSIGNALED(status))
		raise(WTERMSIG(status));
	return 0;
}

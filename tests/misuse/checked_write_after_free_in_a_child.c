/* A child writes to what its parent freed. */
#include "misuse.h"

#include <signal.h>
#include <sys/wait.h>

int
main(void)
{
	char *p = announce(block(100));
	int status;

	free(p);
	if (fork() == 0)
		((char *)hide(p))[8] = 3;
	else if (wait(&status) > 0 && WIFSIGNALED(status))
		raise(WTERMSIG(status));
	return 0;
}

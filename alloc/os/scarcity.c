/*
 * scarcity.c -- os_commit_is_scarce(): do rules make memory short that is not
 * even resident?
 *
 * Called by pages/pagepool before whole free chunks are given back.
 */
#include <sys/resource.h>

#include "file.h"
#include "memory.h"

static bool
has_limits(void)
{
	struct rlimit space, data;

	return (getrlimit(RLIMIT_AS, &space) == 0 &&
		space.rlim_cur != RLIM_INFINITY) ||
	       (getrlimit(RLIMIT_DATA, &data) == 0 &&
		data.rlim_cur != RLIM_INFINITY);
}

/* Mode 2: the machine refuses what its memory and swap could not bear. */
static bool
overcommits_never(void)
{
	char buf[16];
	uint64_t mode;

	return file_read("/proc/sys/vm/overcommit_memory", buf, sizeof buf) &&
	       number_parse(buf, &mode) && mode == 2;
}

bool
os_commit_is_scarce(void)
{
	return has_limits() || overcommits_never();
}

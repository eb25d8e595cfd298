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
is_limited(int resource)
{
	struct rlimit limit;

	return getrlimit((__rlimit_resource_t)resource, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY;
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
	return is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA) ||
	       overcommits_never();
}

/*
 * scarcity.c -- os_scarcity(): what rules make memory short, resident or not.
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

enum os_scarcity
os_scarcity(void)
{
	if (is_limited(RLIMIT_AS))
		return OS_SCARCE_ADDRESSES;
	if (is_limited(RLIMIT_DATA) || overcommits_never())
		return OS_SCARCE_COMMIT;
	return OS_PLENTY;
}

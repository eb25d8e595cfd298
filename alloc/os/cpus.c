/*
 * cpus.c -- os_ncpus(): the CPUs a process may really use.
 *
 * Called by heap/arena, once, when a second arena could be wanted. Arena
 * counts taken from the machine's CPUs instead of the quota cost a 64-CPU
 * host's container of one CPU hundreds of megabytes.
 */
#include <sched.h>
#include <string.h>

#include "cgroup.h"
#include "os.h"

static unsigned
quota_cpus(uint64_t quota, uint64_t period, unsigned ncpus)
{
	uint64_t cpus;

	if (quota == 0 || period == 0)
		return ncpus;
	cpus = quota / period + (quota % period != 0);
	return cpus < ncpus ? (unsigned)cpus : ncpus;
}

/* "quota period", or "max period". */
static unsigned
unified_cpus(struct cgroup *g, unsigned ncpus)
{
	uint64_t quota = 0, period = 0;
	char text[64];
	const char *space;

	if (!cgroup_read(g, "cpu.max", text, sizeof text))
		return ncpus;
	space = strchr(text, ' ');
	if (space == NULL || !number_parse(text, &quota) ||
	    !number_parse(space + 1, &period))
		return ncpus;
	return quota_cpus(quota, period, ncpus);
}

/* Version 1 has two files, and says -1 for no quota. */
static unsigned
divided_cpus(struct cgroup *g, unsigned ncpus)
{
	uint64_t quota = 0, period = 0;
	char text[64];

	if (!cgroup_read(g, "cpu.cfs_quota_us", text, sizeof text) ||
	    !number_parse(text, &quota) ||
	    !cgroup_read(g, "cpu.cfs_period_us", text, sizeof text) ||
	    !number_parse(text, &period))
		return ncpus;
	return quota_cpus(quota, period, ncpus);
}

/* One group's own quota: the least of all counts. */
static void
visit_group(struct cgroup *g, void *arg)
{
	unsigned *ncpus = arg;

	*ncpus = g->is_unified ? unified_cpus(g, *ncpus)
			       : divided_cpus(g, *ncpus);
}

static unsigned
affinity_cpus(void)
{
	cpu_set_t set;
	int n;

	/* EINVAL: more CPUs than the set holds, so certainly enough. */
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return CPU_SETSIZE;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : (unsigned)n;
}

unsigned
os_ncpus(void)
{
	unsigned ncpus = affinity_cpus();

	cgroup_visit("cpu", visit_group, &ncpus);
	return ncpus < 1 ? 1 : ncpus;
}

/*
 * cpus.c -- os_ncpus(): the CPUs a process may really use.
 *
 * Called by heap/arena, once, when a second arena could be wanted. Arena
 * counts taken from the machine's CPUs instead of the quota cost a 64-CPU
 * host's container of one CPU hundreds of megabytes.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os.h"

#define PATH_MAX_BYTES 512

/*
 * A small file, terminated; false where it cannot be read. By syscall(): the
 * functions are cancellation points, and malloc must not be one.
 */
static bool
read_file(const char *path, char *buf, size_t cap)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	long n;

	if (fd < 0)
		return false;
	while ((n = syscall(SYS_read, fd, buf + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	syscall(SYS_close, fd);
	buf[len] = '\0';
	return len > 0;
}

/* Decimal digits at s; -1 where there are none ("max", "-1"). */
static int64_t
number_at(const char *s)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9' && n < INT64_C(1) << 50; s++)
		n = n * 10 + (*s - '0');
	return n;
}

/* dir + "/" + leaf read as a file; false where too long or not there. */
static bool
read_leaf(const char *dir, const char *leaf, char *buf, size_t cap)
{
	char path[PATH_MAX_BYTES];
	size_t dlen = strlen(dir), llen = strlen(leaf);

	if (dlen + 1 + llen >= sizeof path)
		return false;
	memcpy(path, dir, dlen);
	path[dlen] = '/';
	memcpy(path + dlen + 1, leaf, llen + 1);
	return read_file(path, buf, cap);
}

static unsigned
quota_cpus(int64_t quota, int64_t period, unsigned ncpus)
{
	int64_t cpus;

	if (quota <= 0 || period <= 0)
		return ncpus;
	cpus = (quota + period - 1) / period;
	return cpus < ncpus ? (unsigned)cpus : ncpus;
}

/* One group's own quota, of either version. */
static unsigned
group_cpus(const char *dir, unsigned ncpus)
{
	char quota[64], period[64];
	const char *space;

	if (read_leaf(dir, "cpu.max", quota, sizeof quota)) {
		space = strchr(quota, ' ');
		return quota_cpus(number_at(quota),
				  space != NULL ? number_at(space + 1) : -1,
				  ncpus);
	}
	if (read_leaf(dir, "cpu.cfs_quota_us", quota, sizeof quota) &&
	    read_leaf(dir, "cpu.cfs_period_us", period, sizeof period))
		return quota_cpus(number_at(quota), number_at(period), ncpus);
	return ncpus;
}

/*
 * The group at mount + path and every group above it: the least quota counts.
 * In a container without a cgroup namespace the path does not exist below the
 * mount, and the mount itself is the container's group.
 */
static unsigned
hierarchy_cpus(const char *mount, const char *path, size_t pathlen,
	       unsigned ncpus)
{
	char dir[PATH_MAX_BYTES];
	size_t mountlen = strlen(mount), len = mountlen + pathlen;

	if (len >= sizeof dir)
		return group_cpus(mount, ncpus);
	memcpy(dir, mount, mountlen);
	memcpy(dir + mountlen, path, pathlen);
	for (;;) {
		dir[len] = '\0';
		ncpus = group_cpus(dir, ncpus);
		if (len <= mountlen)
			return ncpus;
		while (len > mountlen && dir[len - 1] != '/')
			len--;
		while (len > mountlen && dir[len - 1] == '/')
			len--;
	}
}

/* True where a line "7:cpu,cpuacct:/path" is about the cpu controller. */
static bool
controls_cpu(const char *controllers, const char *end)
{
	while (controllers < end) {
		size_t len = strcspn(controllers, ",:");

		if (len == 3 && memcmp(controllers, "cpu", 3) == 0)
			return true;
		controllers += len + 1;
	}
	return false;
}

/* One line of /proc/self/cgroup: "id:controllers:path". */
static unsigned
line_cpus(const char *line, size_t linelen, unsigned ncpus)
{
	const char *first = memchr(line, ':', linelen);
	const char *second;
	size_t pathlen;

	if (first == NULL)
		return ncpus;
	second = memchr(first + 1, ':', linelen - (size_t)(first + 1 - line));
	if (second == NULL)
		return ncpus;
	pathlen = linelen - (size_t)(second + 1 - line);
	if (second == first + 1)
		return hierarchy_cpus("/sys/fs/cgroup", second + 1, pathlen,
				      ncpus);
	if (controls_cpu(first + 1, second))
		return hierarchy_cpus("/sys/fs/cgroup/cpu", second + 1, pathlen,
				      ncpus);
	return ncpus;
}

static unsigned
cgroup_cpus(unsigned ncpus)
{
	char buf[4096];
	const char *line = buf;

	if (!read_file("/proc/self/cgroup", buf, sizeof buf))
		return ncpus;
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		ncpus = line_cpus(line, len, ncpus);
		line += len + (line[len] == '\n');
	}
	return ncpus;
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
	unsigned ncpus = cgroup_cpus(affinity_cpus());

	return ncpus < 1 ? 1 : ncpus;
}

/*
 * cpus.c -- the CPUs that affinity and cgroup quota leave.
 *
 * syscall() and sched_getaffinity() are wrapped at link time: the files below
 * /proc and /sys are rows of a table here, and the machine has as many CPUs
 * as a test says.
 */
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>

#include "os/os.h"
#include "unit.h"

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set);

struct file {
	const char *path, *text;
};

static const struct file *files;
static size_t nfiles;
static int naffine;
static unsigned nopened;

static int
open_text(const char *text)
{
	int fd = memfd_create("fixture", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static bool
is_ours(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 ||
	       strncmp(path, "/sys/fs/cgroup", 14) == 0;
}

/* openat() of our files; everything else goes to the kernel. */
long
__wrap_syscall(long number, ...)
{
	const char *path;
	long arg[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < COUNT_OF(arg); i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	path = (const char *)(uintptr_t)arg[1];
	if (number != SYS_openat || !is_ours(path))
		return __real_syscall(number, arg[0], arg[1], arg[2], arg[3],
				      arg[4], arg[5]);
	nopened++;
	for (size_t i = 0; i < nfiles; i++) {
		if (strcmp(files[i].path, path) == 0)
			return open_text(files[i].text);
	}
	errno = ENOENT;
	return -1;
}

/* naffine CPUs, every second one; or a kernel with more than the set holds. */
int
__wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set)
{
	(void)pid;
	assert_int_equal(bytes, sizeof *set);
	if (naffine < 0) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO(set);
	for (size_t i = 0; i < (size_t)naffine; i++)
		CPU_SET(2 * i, set);
	return 0;
}

static unsigned
ncpus_with(int affine, const struct file *f, size_t n)
{
	naffine = affine;
	files = f;
	nfiles = n;
	return os_ncpus();
}

#define NCPUS(affine, ...)                                        \
	ncpus_with(affine, (const struct file[]){ __VA_ARGS__ },  \
		   sizeof((const struct file[]){ __VA_ARGS__ }) / \
			   sizeof(struct file))

#define CGROUP(text)                      \
	{                                 \
		"/proc/self/cgroup", text \
	}
#define MOUNTINFO(text)                      \
	{                                    \
		"/proc/self/mountinfo", text \
	}
#define V2(dir, text)                                 \
	{                                             \
		"/sys/fs/cgroup" dir "/cpu.max", text \
	}
#define V1_QUOTA(dir, text)                                        \
	{                                                          \
		"/sys/fs/cgroup/cpu" dir "/cpu.cfs_quota_us", text \
	}
#define V1_PERIOD(dir, text)                                        \
	{                                                           \
		"/sys/fs/cgroup/cpu" dir "/cpu.cfs_period_us", text \
	}

static void
without_cgroups_the_affinity_counts(void **state)
{
	(void)state;
	assert_int_equal(ncpus_with(6, NULL, 0), 6);
	assert_int_equal(ncpus_with(1, NULL, 0), 1);
}

static void
more_cpus_than_a_set_holds_are_very_many(void **state)
{
	(void)state;
	assert_int_equal(ncpus_with(-1, NULL, 0), CPU_SETSIZE);
	assert_int_equal(
		NCPUS(-1, CGROUP("0::/pod\n"), V2("/pod", "300000 100000\n")),
		3);
}

static void
a_quota_is_rounded_up_to_whole_cpus(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(8, CGROUP("0::/pod\n"), V2("/pod", "150000 100000\n")),
		2);
	assert_int_equal(
		NCPUS(8, CGROUP("0::/pod\n"), V2("/pod", "200000 100000\n")),
		2);
	assert_int_equal(
		NCPUS(8, CGROUP("0::/pod\n"), V2("/pod", "10000 100000\n")), 1);
}

static void
a_quota_above_the_affinity_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(2, CGROUP("0::/pod\n"), V2("/pod", "800000 100000\n")),
		2);
}

static void
max_is_no_quota(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(8, CGROUP("0::/pod\n"), V2("/pod", "max 100000\n")), 8);
}

static void
the_least_quota_of_all_groups_above_counts(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("0::/a/b/c\n"),
			       V2("/a/b/c", "max 100000\n"),
			       V2("/a/b", "300000 100000\n"),
			       V2("/a", "500000 100000\n")),
			 3);
	assert_int_equal(NCPUS(8, CGROUP("0::/a/b/c\n"),
			       V2("/a/b/c", "600000 100000\n"),
			       V2("/a", "200000 100000\n")),
			 2);
}

static void
the_mount_itself_counts_as_a_group(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("0::/\n"), V2("", "200000 100000\n")),
			 2);
	/* A container whose path lies outside of what it sees. */
	assert_int_equal(NCPUS(8, CGROUP("0::/docker/0123\n"),
			       V2("", "200000 100000\n")),
			 2);
}

static void
version_1_has_its_quota_in_two_files(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("4:cpu,cpuacct:/pod\n"),
			       V1_QUOTA("/pod", "250000\n"),
			       V1_PERIOD("/pod", "100000\n")),
			 3);
	assert_int_equal(NCPUS(8, CGROUP("4:cpuacct,cpu:/pod\n"),
			       V1_QUOTA("", "100000\n"),
			       V1_PERIOD("", "50000\n")),
			 2);
}

static void
version_1_says_minus_one_for_no_quota(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("4:cpu,cpuacct:/pod\n"),
			       V1_QUOTA("/pod", "-1\n"),
			       V1_PERIOD("/pod", "100000\n")),
			 8);
}

static void
other_controllers_of_version_1_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8,
			       CGROUP("9:cpuset:/pod\n5:cpuacct:/pod\n"
				      "3:memory:/pod\n"),
			       V1_QUOTA("/pod", "100000\n"),
			       V1_PERIOD("/pod", "100000\n")),
			 8);
}

static void
both_versions_at_once_both_count(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("4:cpu:/old\n0::/new\n"),
			       V1_QUOTA("/old", "400000\n"),
			       V1_PERIOD("/old", "100000\n"),
			       V2("/new", "300000 100000\n")),
			 3);
	assert_int_equal(NCPUS(8, CGROUP("4:cpu:/old\n0::/new\n"),
			       V1_QUOTA("/old", "200000\n"),
			       V1_PERIOD("/old", "100000\n"),
			       V2("/new", "300000 100000\n")),
			 2);
}

static void
a_last_line_may_lack_its_end(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(8, CGROUP("0::/pod"), V2("/pod", "200000 100000")), 2);
}

static void
what_makes_no_sense_is_passed_over(void **state)
{
	static const char *const lines[] = { "\n\n",          "x\n",  ":\n",
					     "::\n",          "0:\n", "0:cpu\n",
					     "\n0:memory:/\n" };
	static const char *const quotas[] = { "",           "\n",
					      "x y\n",      "200000",
					      "200000 x\n", "200000 0\n",
					      "0 0\n",      "-5 100000\n" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		assert_int_equal(NCPUS(8, CGROUP(lines[i])), 8);
	for (size_t i = 0; i < COUNT_OF(quotas); i++)
		assert_int_equal(
			NCPUS(8, CGROUP("0::/pod\n"), V2("/pod", quotas[i])),
			8);
}

static void
a_quota_too_large_for_a_number_is_no_limit(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("0::/pod\n"),
			       V2("/pod", "99999999999999999999999 100000\n")),
			 8);
}

static void
a_path_that_is_too_long_leaves_the_mount(void **state)
{
	static char line[1024] = "0::";

	(void)state;
	memset(line + 3, '/', sizeof line - 4);
	assert_int_equal(NCPUS(8, CGROUP(line), V2("", "200000 100000\n")), 2);
}

static void
quotas_are_looked_for_where_groups_are_mounted(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(8, CGROUP("4:cpuacct,cpu:/kube/pod/main\n0::/kube/pod\n"),
		      MOUNTINFO("30 23 0:26 / /sys/fs/cgroup/unified rw - "
				"cgroup2 cgroup2 rw\n"
				"31 23 0:27 / /sys/fs/cgroup/both rw shared:1 "
				"- cgroup cgroup rw,cpuacct,cpu\n"),
		      V1_QUOTA("", "100000\n"), V1_PERIOD("", "100000\n"),
		      { "/sys/fs/cgroup/both/kube/cpu.cfs_quota_us",
			"250000\n" },
		      { "/sys/fs/cgroup/both/kube/cpu.cfs_period_us",
			"50000\n" },
		      { "/sys/fs/cgroup/both/kube/pod/main/cpu.cfs_quota_us",
			"-1\n" }),
		5);
}

static void
a_container_without_a_namespace_has_its_quota_at_the_mount(void **state)
{
	(void)state;
	assert_int_equal(
		NCPUS(8, CGROUP("4:cpu:/docker/ab/worker\n"),
		      MOUNTINFO("31 23 0:27 /docker/ab /sys/fs/cgroup/cpu rw - "
				"cgroup cgroup rw,cpu\n"),
		      V1_QUOTA("", "300000\n"), V1_PERIOD("", "100000\n"),
		      V1_QUOTA("/worker", "400000\n"),
		      V1_PERIOD("/worker", "100000\n")),
		3);
}

static void
the_least_quota_may_lie_in_the_middle(void **state)
{
	(void)state;
	assert_int_equal(NCPUS(8, CGROUP("0::/a/b/c\n"),
			       MOUNTINFO("30 23 0:26 / /sys/fs/cgroup rw - "
					 "cgroup2 cgroup2 rw\n"),
			       V2("/a/b/c", "400000 100000\n"),
			       V2("/a/b", "40000 20000\n"),
			       V2("/a", "600000 100000\n")),
			 2);
	/* No mount of the tree, no quota. */
	assert_int_equal(NCPUS(8, CGROUP("0::/a\n"), MOUNTINFO("\n"),
			       V2("/a", "400000 100000\n")),
			 8);
}

static void
the_machine_itself_has_at_least_one(void **state)
{
	(void)state;
	nopened = 0;
	assert_in_range(ncpus_with(0, NULL, 0), 1, 1);
	/* The wrappers are in place. */
	assert_true(nopened > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_cgroups_the_affinity_counts),
		cmocka_unit_test(more_cpus_than_a_set_holds_are_very_many),
		cmocka_unit_test(a_quota_is_rounded_up_to_whole_cpus),
		cmocka_unit_test(a_quota_above_the_affinity_changes_nothing),
		cmocka_unit_test(max_is_no_quota),
		cmocka_unit_test(the_least_quota_of_all_groups_above_counts),
		cmocka_unit_test(the_mount_itself_counts_as_a_group),
		cmocka_unit_test(version_1_has_its_quota_in_two_files),
		cmocka_unit_test(version_1_says_minus_one_for_no_quota),
		cmocka_unit_test(other_controllers_of_version_1_do_not_count),
		cmocka_unit_test(both_versions_at_once_both_count),
		cmocka_unit_test(a_last_line_may_lack_its_end),
		cmocka_unit_test(what_makes_no_sense_is_passed_over),
		cmocka_unit_test(a_quota_too_large_for_a_number_is_no_limit),
		cmocka_unit_test(a_path_that_is_too_long_leaves_the_mount),
		cmocka_unit_test(
			quotas_are_looked_for_where_groups_are_mounted),
		cmocka_unit_test(
			a_container_without_a_namespace_has_its_quota_at_the_mount),
		cmocka_unit_test(the_least_quota_may_lie_in_the_middle),
		cmocka_unit_test(the_machine_itself_has_at_least_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

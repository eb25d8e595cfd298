/*
 * real_group.c -- os_memory() in a memory cgroup that the kernel keeps.
 *
 * Each test makes a group of version 1 below the one that this process is in,
 * moves a child there, and removes it. Where that is not permitted, or memory
 * is not a controller of version 1, the tests are skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/cgroup.h"
#include "os/memory.h"
#include "unit.h"

#define REAL_LIMIT (96 * MIB)

/* The folder of a new group of version 1 below our own; "": none. */
static char real_dir[CGROUP_DIR_BYTES + 64];

static bool
real_write(const char *leaf, size_t number)
{
	char path[sizeof real_dir + 64], text[32];
	int fd, len = snprintf(text, sizeof text, "%zu", number);
	bool ok;

	snprintf(path, sizeof path, "%s/%s", real_dir, leaf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void
real_make(struct cgroup *g, void *arg)
{
	(void)arg;
	if (g->is_unified || !g->is_own)
		return;
	snprintf(real_dir, sizeof real_dir, "%.*s/trimalloc-test-%d",
		 (int)g->len, g->dir, (int)getpid());
	if (mkdir(real_dir, 0755) != 0)
		real_dir[0] = '\0';
}

static int
real_begin(void **state)
{
	(void)state;
	real_dir[0] = '\0';
	cgroup_visit("memory", real_make, NULL);
	if (real_dir[0] != '\0' &&
	    !real_write("memory.limit_in_bytes", REAL_LIMIT)) {
		rmdir(real_dir);
		real_dir[0] = '\0';
	}
	return 0;
}

/* A process that has ended may take a moment to leave the group. */
static int
real_end(void **state)
{
	uint64_t until = os_now_ns() + UINT64_C(10000000000);

	(void)state;
	while (real_dir[0] != '\0' && rmdir(real_dir) != 0) {
		if (errno != EBUSY || os_now_ns() > until)
			return -1;
		os_yield();
	}
	return 0;
}

#define in_real_group(f) \
	cmocka_unit_test_setup_teardown(f, real_begin, real_end)

static void
skip_without_real_group(void)
{
	if (real_dir[0] != '\0')
		return;
	print_message("# no group of version 1 can be made here\n");
	skip();
}

static struct os_memory
real_memory(void)
{
	struct os_memory m;

	assert_true(os_memory(50, &m));
	return m;
}

static void *
real_touch(size_t bytes)
{
	char *p = os_map(bytes);

	assert_non_null(p);
	memset(p, 1, bytes);
	return p;
}

static void
follow_the_groups_limit_and_usage(void)
{
	size_t before;
	void *p;

	assert_true(real_write("cgroup.procs", (size_t)getpid()));
	assert_int_equal(real_memory().limit, REAL_LIMIT);
	assert_int_equal(real_memory().threshold, REAL_LIMIT / 2);
	before = real_memory().usage;
	assert_true(before < 16 * MIB);
	p = real_touch(16 * MIB);
	assert_in_range(real_memory().usage, before + 15 * MIB,
			before + 18 * MIB);
	os_release(p, 16 * MIB);
	assert_in_range(real_memory().usage, 0, before + 2 * MIB);
	assert_true(real_write("memory.limit_in_bytes", 64 * MIB));
	assert_int_equal(real_memory().limit, 64 * MIB);
	assert_int_equal(real_memory().threshold, 32 * MIB);
}

static void
a_real_groups_limit_and_usage_are_found(void **state)
{
	(void)state;
	skip_without_real_group();
	if (child_status(follow_the_groups_limit_and_usage) != 0)
		fail_msg("the child process failed, see above");
}

/* A file in the page cache, without a name. False: not on a disk. */
static bool
fill_page_cache(size_t bytes)
{
	static char block[MIB];
	const char *tmp = getenv("TMPDIR");
	const long tmpfs_magic = 0x01021994;
	struct statfs fs;
	int fd = open(tmp != NULL ? tmp : "/tmp",
		      O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || fstatfs(fd, &fs) != 0 || fs.f_type == tmpfs_magic)
		return false;
	memset(block, 1, sizeof block);
	for (size_t i = 0; i < bytes; i += MIB)
		assert_int_equal(write(fd, block, MIB), MIB);
	/* It stays open: who closes it drops it. */
	return true;
}

#define EXIT_SKIPPED 77

static void
fill_the_group_with_page_cache(void)
{
	assert_true(real_write("cgroup.procs", (size_t)getpid()));
	real_touch(8 * MIB);
	if (!fill_page_cache(48 * MIB))
		_exit(EXIT_SKIPPED);
	/* Raw usage is beyond the threshold of half the limit. */
	assert_in_range(real_memory().usage, 7 * MIB, 30 * MIB);
}

static void
a_real_groups_page_cache_is_no_usage(void **state)
{
	int status;

	(void)state;
	skip_without_real_group();
	status = child_status(fill_the_group_with_page_cache);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		print_message("# TMPDIR has no page cache to drop\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_real_group(a_real_groups_limit_and_usage_are_found),
		in_real_group(a_real_groups_page_cache_is_no_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

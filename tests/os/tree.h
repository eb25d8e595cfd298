/*
 * tree.h -- a file system of a test's own: /proc and /sys as it says.
 *
 * Above   tests/os, and whoever tests what the os floor reads from files
 * Lock    none; one test at a time
 * Always  the tree lies in a new folder below TMPDIR, which goes with the test
 *
 * A test that wants one is listed as in_tree(f). Paths begin with "/".
 */
#ifndef TESTS_OS_TREE_H
#define TESTS_OS_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "os/file.h"
#include "unit.h"

#define TREE_PATH_BYTES 4096

static char tree_root[TREE_PATH_BYTES / 2];

static inline int
tree_begin(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(tree_root, sizeof tree_root, "%s/tree-XXXXXX",
		 tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(tree_root));
	os_root_prefix = tree_root;
	return 0;
}

static inline int
tree_remove_one(const char *path, const struct stat *st, int type,
		struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline int
tree_end(void **state)
{
	(void)state;
	os_root_prefix = NULL;
	return nftw(tree_root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define in_tree(f) cmocka_unit_test_setup_teardown(f, tree_begin, tree_end)

/* Writes a file, and the folders that it lies in. */
MAYBE_UNUSED static void
tree_put(const char *path, const char *text)
{
	char full[TREE_PATH_BYTES];
	FILE *f;

	assert_true((size_t)snprintf(full, sizeof full, "%s%s", tree_root,
				     path) < sizeof full);
	for (char *p = full + strlen(tree_root) + 1; (p = strchr(p, '/'));) {
		*p = '\0';
		mkdir(full, 0777);
		*p++ = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Removes a file. */
MAYBE_UNUSED static void
tree_drop(const char *path)
{
	char full[TREE_PATH_BYTES];

	snprintf(full, sizeof full, "%s%s", tree_root, path);
	assert_int_equal(unlink(full), 0);
}

#define TREE_MOUNTS "/proc/thread-self/mountinfo"
#define TREE_GROUPS "/proc/thread-self/cgroup"

/* Lines of mountinfo. */
#define TREE_V2(root, point)         \
	"30 23 0:26 " root " " point \
	" rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define TREE_V1(root, point, controllers) \
	"35 31 0:32 " root " " point      \
	" rw,nosuid shared:9 - cgroup cgroup rw," controllers "\n"
#define TREE_ELSE "22 27 0:21 / /proc rw,relatime - proc proc rw\n"

#endif

/*
 * cgroup.c -- the control groups that this process is in.
 */
#include <pthread.h>

#include "os/cgroup.h"
#include "os/os.h"
#include "os/tree.h"

/* --- what is visited ------------------------------------------------------- */

static char visits[8192];

/* One line per group: version, folder, what it is. */
static void
note_visit(struct cgroup *g, void *arg)
{
	size_t len = strlen(visits);

	assert_ptr_equal(arg, visits);
	snprintf(visits + len, sizeof visits - len, "v%d %.*s%s%s\n",
		 g->is_unified ? 2 : 1, (int)g->len, g->dir,
		 g->is_own ? " own" : "", g->is_top ? " top" : "");
}

static const char *
visits_for(const char *controller)
{
	visits[0] = '\0';
	cgroup_visit(controller, note_visit, visits);
	return visits;
}

#define MEMORY "/sys/fs/cgroup/memory"

static void
every_group_from_the_own_up_to_the_mount_is_visited(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a/b/c\n");
	tree_put(TREE_MOUNTS, TREE_ELSE TREE_V2("/", "/sys/fs/cgroup"));
	assert_string_equal(visits_for("memory"),
			    "v2 /sys/fs/cgroup/a/b/c own\n"
			    "v2 /sys/fs/cgroup/a/b\n"
			    "v2 /sys/fs/cgroup/a\n"
			    "v2 /sys/fs/cgroup top\n");
}

static void
the_root_group_is_visited_once(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/\n");
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	assert_string_equal(visits_for("memory"),
			    "v2 /sys/fs/cgroup own top\n");
}

static void
in_version_1_the_tree_of_the_controller_counts(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "5:memory:/m\n4:cpu,cpuacct:/c\n3:cpuset:/s\n"
			      "1:name=memory:/n\n");
	tree_put(TREE_MOUNTS,
		 TREE_V1("/", "/sys/fs/cgroup/systemd", "name=memory")
			 TREE_V1("/", "/sys/fs/cgroup/cpuset", "cpuset")
				 TREE_V1("/", "/cg/cpu", "cpu,cpuacct")
					 TREE_V1("/", MEMORY, "memory"));
	assert_string_equal(visits_for("memory"), "v1 " MEMORY "/m own\n"
						  "v1 " MEMORY " top\n");
	assert_string_equal(visits_for("cpu"), "v1 /cg/cpu/c own\n"
					       "v1 /cg/cpu top\n");
	assert_string_equal(visits_for("cpuacct"), "v1 /cg/cpu/c own\n"
						   "v1 /cg/cpu top\n");
	assert_string_equal(visits_for("pids"), "");
}

static void
where_both_versions_are_mounted_both_are_visited(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "4:memory:/old\n0::/new\n");
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup/unified")
				      TREE_V1("/", MEMORY, "memory"));
	assert_string_equal(visits_for("memory"),
			    "v1 " MEMORY "/old own\n"
			    "v1 " MEMORY " top\n"
			    "v2 /sys/fs/cgroup/unified/new own\n"
			    "v2 /sys/fs/cgroup/unified top\n");
}

static void
a_tree_that_is_not_mounted_is_not_visited(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "4:memory:/old\n0::/new\n");
	tree_put(TREE_MOUNTS, TREE_ELSE);
	assert_string_equal(visits_for("memory"), "");
	tree_put(TREE_MOUNTS, TREE_ELSE TREE_V1("/", MEMORY, "memory"));
	assert_string_equal(visits_for("memory"), "v1 " MEMORY "/old own\n"
						  "v1 " MEMORY " top\n");
}

/* --- containers ------------------------------------------------------------ */

static void
a_container_without_a_namespace_sees_its_part_of_the_tree(void **state)
{
	(void)state;
	tree_put(TREE_MOUNTS, TREE_V1("/docker/ab", MEMORY, "memory"));
	tree_put(TREE_GROUPS, "4:memory:/docker/ab\n");
	assert_string_equal(visits_for("memory"), "v1 " MEMORY " own top\n");
	tree_put(TREE_GROUPS, "4:memory:/docker/ab/worker\n");
	assert_string_equal(visits_for("memory"), "v1 " MEMORY "/worker own\n"
						  "v1 " MEMORY " top\n");
}

static void
the_mount_stands_for_a_group_that_it_does_not_show(void **state)
{
	static const char *const paths[] = { "0::/docker/abc\n",
					     "0::/docker\n",
					     "0::/\n",
					     "0::/../ab\n",
					     "0::/docker/ab/../cd\n",
					     "0::/docker/ab/..\n" };

	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/docker/ab", "/sys/fs/cgroup"));
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		tree_put(TREE_GROUPS, paths[i]);
		assert_string_equal(visits_for("memory"),
				    "v2 /sys/fs/cgroup top\n");
	}
}

static void
dots_may_begin_the_name_of_a_group(void **state)
{
	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	tree_put(TREE_GROUPS, "0::/..a\n");
	assert_string_equal(visits_for("memory"), "v2 /sys/fs/cgroup/..a own\n"
						  "v2 /sys/fs/cgroup top\n");
}

static void
the_mount_that_shows_the_group_counts(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/pod/main\n");
	tree_put(TREE_MOUNTS, TREE_V2("/..", "/host") TREE_V2("/x", "/mnt/x")
				      TREE_V2("/pod", "/mnt/pod")
					      TREE_V2("/pod", "/mnt/again"));
	assert_string_equal(visits_for("memory"), "v2 /mnt/pod/main own\n"
						  "v2 /mnt/pod top\n");
	/* The same while another tree is still looked for. */
	tree_put(TREE_GROUPS, "2:memory:/m\n0::/pod/main\n");
	assert_string_equal(visits_for("memory"), "v2 /mnt/pod/main own\n"
						  "v2 /mnt/pod top\n");
	tree_put(TREE_MOUNTS, TREE_V2("/..", "/host") TREE_V2("/x", "/mnt/x"));
	assert_string_equal(visits_for("memory"), "v2 /host top\n");
}

/* --- mountinfo ------------------------------------------------------------- */

static void
names_in_mountinfo_may_hold_spaces(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a b/c\\d/e\n");
	tree_put(TREE_MOUNTS, TREE_V2("/a\\040b", "/my\\040groups\\134\\011x"));
	assert_string_equal(visits_for("memory"),
			    "v2 /my groups\\\tx/c\\d/e own\n"
			    "v2 /my groups\\\tx/c\\d\n"
			    "v2 /my groups\\\tx top\n");
}

static void
mountinfo_lines_may_have_more_or_fewer_fields(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a\n2:memory:/m\n");
	tree_put(TREE_MOUNTS,
		 "30 23 0:26 / /two rw - cgroup2 none rw\n"
		 "31 23 0:27 / /one rw shared:1 master:2 unbindable - cgroup  "
		 "rw,xattr,memory");
	assert_string_equal(visits_for("memory"), "v1 /one/m own\n"
						  "v1 /one top\n"
						  "v2 /two/a own\n"
						  "v2 /two top\n");
}

/* Many other mounts, some of which have very long lines. */
static void
mountinfo_may_be_longer_than_any_buffer(void **state)
{
	static char text[400000];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		len += (size_t)sprintf(text + len, TREE_ELSE);
		if (i % 100 != 0)
			continue;
		len += (size_t)sprintf(text + len,
				       "1 2 0:3 / /o%d - o o rw,%0*d\n", i,
				       LINE_BYTES - 20 + i, 0);
	}
	strcpy(text + len, TREE_V2("/", "/sys/fs/cgroup") TREE_ELSE);
	tree_put(TREE_GROUPS, "0::/a\n");
	tree_put(TREE_MOUNTS, text);
	assert_string_equal(visits_for("memory"), "v2 /sys/fs/cgroup/a own\n"
						  "v2 /sys/fs/cgroup top\n");
}

static void
garbage_in_mountinfo_is_passed_over(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a\n2:memory:/m\n");
	tree_put(TREE_MOUNTS,
		 "\n - cgroup2\n - cgroup2 x y\n1 - cgroup cgroup memory\n"
		 "1 2 3 / - cgroup2 cgroup2 rw\n"
		 "1 2 0:3 / /x rw - cgroup2\n"
		 "1 2 0:3 / /x rw - cgroup2 cgroup2\n"
		 "1 2 0:3 / /x rw - cgroup3 cgroup2 rw,memory\n"
		 "1 2 0:3 / /x rw - cgroup cgroup rw,memoryx,xmemory\n"
		 "1 2 0:3 / /x rw -cgroup2 cgroup2 rw\n");
	assert_string_equal(visits_for("memory"), "");
}

static void
a_mount_with_too_long_a_name_is_passed_over(void **state)
{
	static char text[4096];

	(void)state;
	tree_put(TREE_GROUPS, "0::/a\n");
	snprintf(text, sizeof text,
		 "1 2 0:3 / /%0*d rw - cgroup2 cgroup2 rw\n%s",
		 CGROUP_DIR_BYTES, 0, TREE_V2("/", "/short"));
	tree_put(TREE_MOUNTS, text);
	assert_string_equal(visits_for("memory"), "v2 /short/a own\n"
						  "v2 /short top\n");
}

static void
without_mountinfo_the_usual_places_are_tried(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "4:memory:/old\n0::/new\n");
	assert_string_equal(visits_for("memory"),
			    "v1 /sys/fs/cgroup/memory/old own\n"
			    "v1 /sys/fs/cgroup/memory top\n"
			    "v2 /sys/fs/cgroup/new own\n"
			    "v2 /sys/fs/cgroup top\n");
}

/* --- /proc/.../cgroup ------------------------------------------------------ */

static void
without_proc_there_are_no_groups(void **state)
{
	(void)state;
	assert_string_equal(visits_for("memory"), "");
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	assert_string_equal(visits_for("memory"), "");
}

static void
garbage_among_the_groups_is_passed_over(void **state)
{
	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	tree_put(TREE_GROUPS, "\n:\nx\n0\n0:\n4:memory\n0:x:/a\n");
	assert_string_equal(visits_for("memory"), "");
	/* A group without a path is somewhere. */
	tree_put(TREE_GROUPS, "::\n");
	assert_string_equal(visits_for("memory"), "v2 /sys/fs/cgroup top\n");
}

static void
a_path_too_long_leaves_the_mount(void **state)
{
	static char text[LINE_BYTES * 2 + 16];

	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	for (int n = CGROUP_DIR_BYTES; n < LINE_BYTES * 2; n += 511) {
		snprintf(text, sizeof text, "0::/%0*d\n", n, 0);
		tree_put(TREE_GROUPS, text);
		assert_string_equal(visits_for("memory"),
				    "v2 /sys/fs/cgroup top\n");
	}
}

static void
the_longest_path_that_fits_is_visited(void **state)
{
	static char text[LINE_BYTES];
	int n = CGROUP_DIR_BYTES - 1 - (int)sizeof "/sys/fs/cgroup";

	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	snprintf(text, sizeof text, "0::/%0*d\n", n, 0);
	tree_put(TREE_GROUPS, text);
	snprintf(text, sizeof text,
		 "v2 /sys/fs/cgroup/%0*d own\nv2 /sys/fs/cgroup top\n", n, 0);
	assert_string_equal(visits_for("memory"), text);
}

static void
a_process_may_be_moved_between_two_visits(void **state)
{
	(void)state;
	tree_put(TREE_MOUNTS, TREE_V2("/", "/sys/fs/cgroup"));
	tree_put(TREE_GROUPS, "0::/a\n");
	visits_for("memory");
	tree_put(TREE_GROUPS, "0::/b\n");
	assert_string_equal(visits_for("memory"), "v2 /sys/fs/cgroup/b own\n"
						  "v2 /sys/fs/cgroup top\n");
}

static void
kernels_without_thread_self_have_self(void **state)
{
	(void)state;
	tree_put("/proc/self/cgroup", "0::/a\n");
	tree_put("/proc/self/mountinfo", TREE_V2("/", "/groups"));
	assert_string_equal(visits_for("memory"), "v2 /groups/a own\n"
						  "v2 /groups top\n");
}

/* --- files of a group ------------------------------------------------------ */

static void
read_twice(struct cgroup *g, void *arg)
{
	char text[16];

	(void)arg;
	if (!g->is_own)
		return;
	assert_true(cgroup_read(g, "memory.max", text, sizeof text));
	assert_string_equal(text, "1234\n");
	assert_true(cgroup_read(g, "x", text, sizeof text));
	assert_string_equal(text, "56\n");
	assert_false(cgroup_read(g, "absent", text, sizeof text));
	assert_string_equal(cgroup_path(g, "y"), "/groups/a/b/y");
}

static void
reading_a_groups_files_leaves_the_way_up(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a/b\n");
	tree_put(TREE_MOUNTS, TREE_V2("/", "/groups"));
	tree_put("/groups/a/b/memory.max", "1234\n");
	tree_put("/groups/a/b/x", "56\n");
	cgroup_visit("memory", read_twice, NULL);
	assert_string_equal(visits_for("memory"), "v2 /groups/a/b own\n"
						  "v2 /groups/a\n"
						  "v2 /groups top\n");
}

/* --- the machine ----------------------------------------------------------- */

struct membership {
	bool asked, found;
};

/* Is this process among those of its own group? */
static void
look_for_us(struct cgroup *g, void *arg)
{
	struct membership *m = arg;
	struct lines l;
	const char *line;

	if (!g->is_own || !lines_open(&l, cgroup_path(g, "cgroup.procs")))
		return;
	m->asked = true;
	m->found = false;
	while ((line = lines_next(&l)) != NULL)
		m->found = m->found || atoi(line) == getpid();
	lines_close(&l);
	assert_true(m->found);
}

static void
the_own_group_holds_this_process(void **state)
{
	struct membership m = { false, false };

	(void)state;
	cgroup_visit("memory", look_for_us, &m);
	if (!m.asked) {
		print_message("# no control groups are mounted here\n");
		skip();
	}
	assert_true(m.found);
}

static char visits_before[sizeof visits];

/* Waits until the first thread is a zombie. */
static void
await_end_of_main(void)
{
	char path[64], text[512] = "";
	const char *end;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
	do {
		os_yield();
		assert_true(file_read(path, text, sizeof text));
		end = strrchr(text, ')');
		assert_non_null(end);
	} while (end[2] != 'Z');
}

static void *
visit_after_main(void *arg)
{
	(void)arg;
	await_end_of_main();
	visits_for("memory");
	if (strcmp(visits, visits_before) != 0)
		fprintf(stderr, "# before:\n%safter:\n%s", visits_before,
			visits);
	_exit(strcmp(visits, visits_before) != 0);
}

static void
groups_outlive_the_first_thread(void)
{
	pthread_t thread;

	strcpy(visits_before, visits_for("memory"));
	assert_int_equal(pthread_create(&thread, NULL, visit_after_main, NULL),
			 0);
	pthread_exit(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_tree(every_group_from_the_own_up_to_the_mount_is_visited),
		in_tree(the_root_group_is_visited_once),
		in_tree(in_version_1_the_tree_of_the_controller_counts),
		in_tree(where_both_versions_are_mounted_both_are_visited),
		in_tree(a_tree_that_is_not_mounted_is_not_visited),
		in_tree(a_container_without_a_namespace_sees_its_part_of_the_tree),
		in_tree(the_mount_stands_for_a_group_that_it_does_not_show),
		in_tree(dots_may_begin_the_name_of_a_group),
		in_tree(the_mount_that_shows_the_group_counts),
		in_tree(names_in_mountinfo_may_hold_spaces),
		in_tree(mountinfo_lines_may_have_more_or_fewer_fields),
		in_tree(mountinfo_may_be_longer_than_any_buffer),
		in_tree(garbage_in_mountinfo_is_passed_over),
		in_tree(a_mount_with_too_long_a_name_is_passed_over),
		in_tree(without_mountinfo_the_usual_places_are_tried),
		in_tree(without_proc_there_are_no_groups),
		in_tree(garbage_among_the_groups_is_passed_over),
		in_tree(a_path_too_long_leaves_the_mount),
		in_tree(the_longest_path_that_fits_is_visited),
		in_tree(a_process_may_be_moved_between_two_visits),
		in_tree(kernels_without_thread_self_have_self),
		in_tree(reading_a_groups_files_leaves_the_way_up),
		cmocka_unit_test(the_own_group_holds_this_process),
		alone(groups_outlive_the_first_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

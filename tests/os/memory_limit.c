/*
 * memory_limit.c -- how near the control groups are to their memory limits.
 *
 * The groups are files that the tests lay out; real_group.c has real ones.
 */
#include "os/memory.h"
#include "os/tree.h"

#define V2_DIR "/sys/fs/cgroup"
#define V1_DIR "/sys/fs/cgroup/memory"

/* "No limit" of version 1, on machines with 4 KiB pages and with 64 KiB. */
#define V1_NONE    "9223372036854771712\n"
#define V1_NONE_64 "9223372036854710272\n"

static void
assert_memory(size_t usage, size_t threshold, size_t limit)
{
	struct os_memory m = { 1, 2, 3 };

	assert_true(os_memory(90, &m));
	assert_int_equal(m.usage, usage);
	assert_int_equal(m.threshold, threshold);
	assert_int_equal(m.limit, limit);
}

static void
assert_no_limit(void)
{
	struct os_memory m = { 1, 2, 3 };

	assert_false(os_memory(90, &m));
	/* Nothing is said by halves. */
	assert_int_equal(m.usage, 1);
	assert_int_equal(m.threshold, 2);
	assert_int_equal(m.limit, 3);
}

static void
put_in(const char *dir, const char *leaf, const char *text)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, leaf);
	tree_put(path, text);
}

/* A group of version 2. */
static void
put_v2(const char *dir, const char *usage, const char *max, const char *high)
{
	put_in(dir, "memory.current", usage);
	put_in(dir, "memory.max", max);
	put_in(dir, "memory.high", high);
	put_in(dir, "memory.stat",
	       "anon 1\nfile 2\ninactive_anon 5\nactive_anon 6\n"
	       "inactive_file 0\nactive_file 0\n");
}

/* ... and of version 1. */
static void
put_v1(const char *dir, const char *usage, const char *limit)
{
	put_in(dir, "memory.usage_in_bytes", usage);
	put_in(dir, "memory.limit_in_bytes", limit);
	put_in(dir, "memory.soft_limit_in_bytes", "1\n");
	put_in(dir, "memory.memsw.limit_in_bytes", "1\n");
}

static void
in_v2_group(const char *path)
{
	char text[512];

	snprintf(text, sizeof text, "0::%s\n", path);
	tree_put(TREE_GROUPS, text);
	tree_put(TREE_MOUNTS, TREE_ELSE TREE_V2("/", V2_DIR));
}

/* The mount shows the tree's root. */
static void
in_v1_group(const char *path)
{
	char text[512];

	snprintf(text, sizeof text, "4:memory:%s\n", path);
	tree_put(TREE_GROUPS, text);
	tree_put(TREE_MOUNTS, TREE_ELSE TREE_V1("/", V1_DIR, "memory"));
	put_v1(V1_DIR, "5000000\n", V1_NONE);
	tree_put(V1_DIR "/release_agent", "\n");
	/* The root's says nothing that anybody would have to know. */
	tree_put(V1_DIR "/memory.stat", "hierarchical_memory_limit 1\n");
}

/* --- version 2 ------------------------------------------------------------- */

static void
without_groups_or_limits_there_is_no_limit(void **state)
{
	(void)state;
	assert_no_limit();
	in_v2_group("/a");
	assert_no_limit();
	put_v2(V2_DIR "/a", "1000\n", "max\n", "max\n");
	assert_no_limit();
}

static void
the_threshold_is_a_share_of_the_limit(void **state)
{
	struct os_memory m;

	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "100000\n", "1000050\n", "max\n");
	assert_memory(100000, 900045, 1000050);
	assert_true(os_memory(1, &m));
	assert_int_equal(m.threshold, 10000);
	assert_true(os_memory(100, &m));
	assert_int_equal(m.threshold, 1000050);
	/* The largest limit there is. */
	put_v2(V2_DIR "/a", "1000\n", "4611686018427387903\n", "max\n");
	assert_memory(1000, 4150517416584649112, 4611686018427387903);
	put_v2(V2_DIR "/a", "1000\n", "4611686018427387904\n", "max\n");
	assert_no_limit();
}

static void
memory_high_below_the_limit_is_the_threshold(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "1000\n", "1000000\n", "600000\n");
	assert_memory(1000, 600000, 1000000);
	/* At or above it, it never comes to bear. */
	put_v2(V2_DIR "/a", "1000\n", "1000000\n", "1000000\n");
	assert_memory(1000, 900000, 1000000);
	put_v2(V2_DIR "/a", "1000\n", "1000000\n", "2000000\n");
	assert_memory(1000, 900000, 1000000);
}

static void
memory_high_alone_is_a_threshold_without_a_limit(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "1000\n", "max\n", "600000\n");
	assert_memory(1000, 600000, SIZE_MAX);
}

static void
a_limit_of_zero_is_one(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "4096\n", "0\n", "max\n");
	assert_memory(4096, 0, 0);
}

static void
the_page_cache_near_the_threshold_is_no_usage(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "880000\n", "1000000\n", "max\n");
	put_in(V2_DIR "/a", "memory.stat",
	       "anon 380000\nfile 500000\nkernel 9\ninactive_anon 1\n"
	       "active_anon 2\ninactive_file 300000\nactive_file 200000\n"
	       "workingset_refault_file 7\ntotal_inactive_file 3\n");
	assert_memory(380000, 900000, 1000000);
	/* Beyond the limit, too: the kernel is at it. */
	put_in(V2_DIR "/a", "memory.current", "1000001\n");
	assert_memory(500001, 900000, 1000000);
}

static void
far_from_the_threshold_nobody_asks_for_the_page_cache(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "787499\n", "1000000\n", "max\n");
	put_in(V2_DIR "/a", "memory.stat",
	       "inactive_file 7\nactive_file 400\n");
	assert_memory(787499, 900000, 1000000);
	/* From 7/8 of it on. */
	put_in(V2_DIR "/a", "memory.current", "787500\n");
	assert_memory(787500 - 407, 900000, 1000000);
}

static void
usage_is_never_below_nothing(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "950000\n", "1000000\n", "max\n");
	put_in(V2_DIR "/a", "memory.stat",
	       "inactive_file 950000\nactive_file 1\n");
	assert_memory(0, 900000, 1000000);
}

static void
without_a_memory_stat_all_usage_counts(void **state)
{
	static const char *const texts[] = {
		"", "\n", "inactive_file\nactive_file x\ninactive_file -1\n",
		"inactive_fil"
	};

	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "950000\n", "1000000\n", "max\n");
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put_in(V2_DIR "/a", "memory.stat", texts[i]);
		assert_memory(950000, 900000, 1000000);
	}
	tree_drop(V2_DIR "/a/memory.stat");
	assert_memory(950000, 900000, 1000000);
}

static void
a_memory_stat_of_any_length_is_read(void **state)
{
	static char text[100000];
	size_t len = 0;

	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "950000\n", "1000000\n", "max\n");
	for (int i = 0; i < 4000; i++)
		len += (size_t)sprintf(text + len, "something_%d %d\n", i, i);
	strcpy(text + len, "inactive_file 50000\nactive_file 600");
	put_in(V2_DIR "/a", "memory.stat", text);
	assert_memory(899400, 900000, 1000000);
}

/* --- several groups -------------------------------------------------------- */

static void
the_group_nearest_to_its_threshold_counts(void **state)
{
	(void)state;
	in_v2_group("/a/b/c");
	put_v2(V2_DIR "/a/b/c", "100000\n", "1000000\n", "max\n");
	put_v2(V2_DIR "/a/b", "300000\n", "500000\n", "max\n");
	put_v2(V2_DIR "/a", "600000\n", "2000000\n", "max\n");
	/* The one in the middle. */
	assert_memory(300000, 450000, 500000);
	/* Then the highest, which others fill. */
	put_in(V2_DIR "/a", "memory.current", "1700000\n");
	assert_memory(1700000, 1800000, 2000000);
	/* And the own one, which is over it while all others are below. */
	put_in(V2_DIR "/a/b/c", "memory.current", "950000\n");
	assert_memory(950000, 900000, 1000000);
}

static void
page_cache_makes_no_group_the_nearest(void **state)
{
	(void)state;
	in_v2_group("/a/b");
	put_v2(V2_DIR "/a/b", "600000\n", "1000000\n", "max\n");
	put_v2(V2_DIR "/a", "1900000\n", "2000000\n", "max\n");
	put_in(V2_DIR "/a", "memory.stat",
	       "inactive_file 700000\nactive_file 300000\n");
	assert_memory(600000, 900000, 1000000);
}

static void
groups_without_a_limit_or_files_are_passed_over(void **state)
{
	(void)state;
	in_v2_group("/a/b/c/d");
	put_v2(V2_DIR "/a/b/c", "100000\n", "max\n", "max\n");
	put_v2(V2_DIR "/a", "200000\n", "1000000\n", "max\n");
	assert_memory(200000, 900000, 1000000);
}

static void
limits_are_read_anew_each_time(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "200000\n", "1000000\n", "max\n");
	assert_memory(200000, 900000, 1000000);
	put_in(V2_DIR "/a", "memory.max", "500000\n");
	assert_memory(200000, 450000, 500000);
	put_in(V2_DIR "/a", "memory.high", "300000\n");
	assert_memory(200000, 300000, 500000);
	put_v2(V2_DIR "/a", "200000\n", "max\n", "max\n");
	assert_no_limit();
}

static void
a_process_that_was_moved_has_its_new_groups_limit(void **state)
{
	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "200000\n", "1000000\n", "max\n");
	put_v2(V2_DIR "/b", "300000\n", "2000000\n", "max\n");
	assert_memory(200000, 900000, 1000000);
	in_v2_group("/b");
	assert_memory(300000, 1800000, 2000000);
	in_v2_group("/");
	assert_no_limit();
}

/* --- version 1 ------------------------------------------------------------- */

static void
version_1_has_a_limit_and_a_usage(void **state)
{
	(void)state;
	in_v1_group("/a");
	put_v1(V1_DIR "/a", "300000\n", "1000000\n");
	assert_memory(300000, 900000, 1000000);
}

static void
version_1_says_none_by_a_number(void **state)
{
	(void)state;
	in_v1_group("/a");
	put_v1(V1_DIR "/a", "300000\n", V1_NONE);
	assert_no_limit();
	put_v1(V1_DIR "/a", "300000\n", V1_NONE_64);
	assert_no_limit();
	put_v1(V1_DIR "/a", "300000\n", "18446744073709551615\n");
	assert_no_limit();
}

static void
version_1_counts_the_page_cache_of_groups_below(void **state)
{
	(void)state;
	in_v1_group("/a");
	put_v1(V1_DIR "/a", "890000\n", "1000000\n");
	put_in(V1_DIR "/a", "memory.stat",
	       "cache 1\ninactive_file 2\nactive_file 3\n"
	       "hierarchical_memory_limit 1000000\n"
	       "total_inactive_file 300000\ntotal_active_file 90000\n");
	assert_memory(500000, 900000, 1000000);
}

static void
the_nearest_group_of_version_1_may_be_above(void **state)
{
	(void)state;
	in_v1_group("/a/b/c");
	put_v1(V1_DIR "/a/b/c", "100000\n", V1_NONE);
	put_v1(V1_DIR "/a/b", "300000\n", "500000\n");
	put_v1(V1_DIR "/a", "600000\n", "2000000\n");
	assert_memory(300000, 450000, 500000);
}

static void
version_1_tells_of_limits_above_what_is_seen(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "4:memory:/pod/ab\n");
	tree_put(TREE_MOUNTS, TREE_V1("/pod/ab", V1_DIR, "memory"));
	put_v1(V1_DIR, "300000\n", V1_NONE);
	put_in(V1_DIR, "memory.stat",
	       "cache 1\nhierarchical_memory_limit 600000\n"
	       "total_inactive_file 3\n");
	assert_memory(300000, 540000, 600000);
	/* It is the least of all, the own one included. */
	put_in(V1_DIR, "memory.limit_in_bytes", "700000\n");
	assert_memory(300000, 540000, 600000);
	put_in(V1_DIR, "memory.stat", "hierarchical_memory_limit " V1_NONE);
	assert_memory(300000, 630000, 700000);
	put_in(V1_DIR, "memory.limit_in_bytes", V1_NONE);
	assert_no_limit();
	tree_drop(V1_DIR "/memory.stat");
	assert_no_limit();
}

/* --- both ------------------------------------------------------------------ */

static void
of_two_versions_the_one_with_memory_files_counts(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "4:memory:/old\n0::/new\n");
	tree_put(TREE_MOUNTS, TREE_V1("/", V1_DIR, "memory")
				      TREE_V2("/", V2_DIR "/unified"));
	put_in(V2_DIR "/unified/new", "cgroup.procs", "1\n");
	put_v1(V1_DIR "/old", "300000\n", "1000000\n");
	assert_memory(300000, 900000, 1000000);
	/* The same process on a machine that has it the other way round. */
	tree_drop(V1_DIR "/old/memory.limit_in_bytes");
	put_v2(V2_DIR "/unified/new", "400000\n", "2000000\n", "max\n");
	assert_memory(400000, 1800000, 2000000);
}

static void
a_container_without_a_namespace_has_its_limit_at_the_mount(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/docker/ab/worker\n");
	tree_put(TREE_MOUNTS, TREE_V2("/docker/ab", "/my\\040groups"));
	put_v2("/my groups", "300000\n", "1000000\n", "max\n");
	put_v2("/my groups/worker", "300000\n", "max\n", "max\n");
	assert_memory(300000, 900000, 1000000);
}

static void
without_mountinfo_limits_are_found_at_the_usual_place(void **state)
{
	(void)state;
	tree_put(TREE_GROUPS, "0::/a\n");
	put_v2(V2_DIR "/a", "300000\n", "1000000\n", "max\n");
	assert_memory(300000, 900000, 1000000);
}

/* --- broken files ---------------------------------------------------------- */

static const char *const garbage[] = {
	"",   "\n",      "x\n",  "-1\n",  " 5\n",
	"5x", "max max", "0x10", "1e6\n", "\xff\xfe\n",
};

static void
a_limit_that_makes_no_sense_is_none(void **state)
{
	(void)state;
	in_v2_group("/a");
	for (size_t i = 0; i < COUNT_OF(garbage); i++) {
		put_v2(V2_DIR "/a", "300000\n", garbage[i], garbage[i]);
		assert_no_limit();
		put_v2(V2_DIR "/a", "300000\n", "1000000\n", garbage[i]);
		assert_memory(300000, 900000, 1000000);
		put_v2(V2_DIR "/a", "300000\n", garbage[i], "400000\n");
		assert_memory(300000, 400000, SIZE_MAX);
	}
}

static void
a_usage_that_makes_no_sense_leaves_the_group_out(void **state)
{
	(void)state;
	in_v2_group("/a/b");
	put_v2(V2_DIR "/a", "700000\n", "1000000\n", "max\n");
	for (size_t i = 0; i < COUNT_OF(garbage); i++) {
		put_v2(V2_DIR "/a/b", garbage[i], "800000\n", "max\n");
		assert_memory(700000, 900000, 1000000);
	}
	tree_drop(V2_DIR "/a/b/memory.current");
	assert_memory(700000, 900000, 1000000);
}

static void
files_may_lack_their_end_or_be_long(void **state)
{
	static char text[10000];

	(void)state;
	in_v2_group("/a");
	put_v2(V2_DIR "/a", "300000", "1000000", "max");
	assert_memory(300000, 900000, 1000000);
	memset(text, '9', sizeof text - 1);
	put_v2(V2_DIR "/a", "300000\n", text, "max\n");
	assert_no_limit();
	memset(text, '\n', sizeof text - 1);
	memcpy(text, "1000000", 7);
	put_v2(V2_DIR "/a", "300000\n", text, "max\n");
	assert_memory(300000, 900000, 1000000);
}

/* --- stalls ---------------------------------------------------------------- */

#define SOME(total) "some avg10=0.12 avg60=3.40 avg300=0.00 total=" total "\n"
#define FULL        "full avg10=0.00 avg60=0.00 avg300=0.00 total=77\n"

static void
stalls_of_the_own_group_count(void **state)
{
	(void)state;
	in_v2_group("/a/b");
	tree_put("/proc/pressure/memory", SOME("1") FULL);
	tree_put(V2_DIR "/memory.pressure", SOME("22") FULL);
	tree_put(V2_DIR "/a/memory.pressure", SOME("333") FULL);
	tree_put(V2_DIR "/a/b/memory.pressure", SOME("4444") FULL);
	assert_int_equal(os_memory_stall_us(), 4444);
	tree_put(V2_DIR "/a/b/memory.pressure", SOME("5555") FULL);
	assert_int_equal(os_memory_stall_us(), 5555);
}

static void
without_pressure_of_the_own_group_the_machines_counts(void **state)
{
	(void)state;
	tree_put("/proc/pressure/memory", SOME("123456789012345"));
	assert_int_equal(os_memory_stall_us(), 123456789012345);
	in_v2_group("/a/b");
	tree_put(V2_DIR "/a/memory.pressure", SOME("333") FULL);
	assert_int_equal(os_memory_stall_us(), 123456789012345);
	in_v1_group("/a/b");
	put_in(V1_DIR "/a/b", "memory.pressure", SOME("333") FULL);
	assert_int_equal(os_memory_stall_us(), 123456789012345);
}

static void
stalls_that_cannot_be_read_are_none(void **state)
{
	static const char *const texts[] = { "",
					     "\n",
					     "some\n",
					     FULL,
					     "some total=\n",
					     "some total=x\n",
					     "some avg10=0.00 tot" };

	(void)state;
	assert_int_equal(os_memory_stall_us(), 0);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		tree_put("/proc/pressure/memory", texts[i]);
		assert_int_equal(os_memory_stall_us(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_tree(without_groups_or_limits_there_is_no_limit),
		in_tree(the_threshold_is_a_share_of_the_limit),
		in_tree(memory_high_below_the_limit_is_the_threshold),
		in_tree(memory_high_alone_is_a_threshold_without_a_limit),
		in_tree(a_limit_of_zero_is_one),
		in_tree(the_page_cache_near_the_threshold_is_no_usage),
		in_tree(far_from_the_threshold_nobody_asks_for_the_page_cache),
		in_tree(usage_is_never_below_nothing),
		in_tree(without_a_memory_stat_all_usage_counts),
		in_tree(a_memory_stat_of_any_length_is_read),
		in_tree(the_group_nearest_to_its_threshold_counts),
		in_tree(page_cache_makes_no_group_the_nearest),
		in_tree(groups_without_a_limit_or_files_are_passed_over),
		in_tree(limits_are_read_anew_each_time),
		in_tree(a_process_that_was_moved_has_its_new_groups_limit),
		in_tree(version_1_has_a_limit_and_a_usage),
		in_tree(version_1_says_none_by_a_number),
		in_tree(version_1_counts_the_page_cache_of_groups_below),
		in_tree(the_nearest_group_of_version_1_may_be_above),
		in_tree(version_1_tells_of_limits_above_what_is_seen),
		in_tree(of_two_versions_the_one_with_memory_files_counts),
		in_tree(a_container_without_a_namespace_has_its_limit_at_the_mount),
		in_tree(without_mountinfo_limits_are_found_at_the_usual_place),
		in_tree(a_limit_that_makes_no_sense_is_none),
		in_tree(a_usage_that_makes_no_sense_leaves_the_group_out),
		in_tree(files_may_lack_their_end_or_be_long),
		in_tree(stalls_of_the_own_group_count),
		in_tree(without_pressure_of_the_own_group_the_machines_counts),
		in_tree(stalls_that_cannot_be_read_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

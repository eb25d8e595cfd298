/*
 * cgroup.h -- the control groups that this process is in.
 *
 * Above   os/cpus.c, os/memory_limit.c; no other floor
 * Lock    none
 * Always  nothing is remembered: each visit asks /proc anew, for a process
 *         may be moved; what file.h promises; 3 KiB of stack
 *
 * A controller's groups form a tree: version 2 has one for all controllers,
 * version 1 one for each or for several of them; a machine may have both. A
 * group's limits bind all groups below it, so each from the process's own
 * upwards matters, as far as mounts show them. /proc/self/cgroup has the
 * group's path in its tree, and a line of /proc/self/mountinfo which part of
 * the tree can be seen where:
 *
 *     3:memory:/docker/ab/worker       group, counted from the tree's root
 *     ... /docker/ab /sys/fs/cgroup/memory ... - cgroup ...,memory
 *         `- shown part              `- where: so the group's folder is
 *     /sys/fs/cgroup/memory/worker
 *
 * That is what a container without a cgroup namespace sees; with one, both
 * files count from the container's own group, and the shown part is "/".
 */
#ifndef TRI_OS_CGROUP_H
#define TRI_OS_CGROUP_H

#include "file.h"

/* The longest folder of a group; a process further down counts as above. */
#define CGROUP_DIR_BYTES 1024

/* A file's name in such a folder. */
#define CGROUP_LEAF_BYTES 64

struct cgroup {
	bool is_unified; /* version 2 */
	bool is_own;     /* the process itself is in it, not in one below */
	bool is_top;     /* no mount shows the groups above, if there are any */
	size_t len;
	char dir[CGROUP_DIR_BYTES + CGROUP_LEAF_BYTES]; /* dir[0..len) */
};

/*
 * Calls visit() for this process's group and each group above it, in the tree
 * of version 1 that has the controller and in that of version 2. A folder need
 * not exist or have the controller's files: visit() finds out by reading. No
 * call where there are no groups, /proc is not mounted, or memory is out. Without mountinfo
 * the trees are looked for at /sys/fs/cgroup. 10 us and 2 us per mount.
 */
void cgroup_visit(const char *controller,
		  void (*visit)(struct cgroup *g, void *arg), void *arg);

/* A file of the group as a path, valid until the next. */
const char *cgroup_path(struct cgroup *g, const char *leaf);

/* file_read() of one of the group's files. */
bool cgroup_read(struct cgroup *g, const char *leaf, char *buf, size_t cap);

#endif

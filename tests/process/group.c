/*
 * group.c -- see group.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "group.h"

/* --- where the test itself is ------------------------------------------------ */

/* True where a word of a list with commas is `memory`. */
static bool
has_memory(const char *list, const char *end)
{
	static const char word[] = "memory";
	size_t n = sizeof word - 1;

	for (const char *at = list; at + n <= end; at++) {
		if (strncmp(at, word, n) == 0 &&
		    (at == list || at[-1] == ',') &&
		    (at[n] == ',' || at + n == end))
			return true;
	}
	return false;
}

/* The path in "4:memory:/path". */
static bool
find_path(char *path)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[GROUP_DIR_BYTES];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		char *list = strchr(line, ':'),
		     *at = list != NULL ? strchr(list + 1, ':') : NULL;

		if (at == NULL || !has_memory(list + 1, at))
			continue;
		at[strcspn(at, "\n")] = '\0';
		snprintf(path, GROUP_DIR_BYTES, "%s", at + 1);
		found = true;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* "36 35 0:31 ROOT POINT rw - cgroup cgroup rw,memory" */
static bool
parse_mount(const char *line, char *root, char *point)
{
	const char *dash = strstr(line, " - cgroup ");
	const char *options = dash != NULL ? strrchr(dash, ' ') : NULL;

	return options != NULL &&
	       has_memory(options + 1, options + strcspn(options, "\n")) &&
	       sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2;
}

static bool
find_mount(char *root, char *point)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[3 * GROUP_DIR_BYTES];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = parse_mount(line, root, point);
	if (f != NULL)
		fclose(f);
	return found;
}

/* The folder of our own group. */
static bool
find_own(char *dir)
{
	static char path[GROUP_DIR_BYTES], root[GROUP_DIR_BYTES],
		point[GROUP_DIR_BYTES];
	const char *rest = path;

	if (!find_path(path) || !find_mount(root, point))
		return false;
	/* Inside a container the mount shows a part of the tree. */
	if (strcmp(root, "/") != 0 && strncmp(path, root, strlen(root)) == 0)
		rest += strlen(root);
	return snprintf(dir, GROUP_DIR_BYTES, "%s%s", point, rest) <
	       GROUP_DIR_BYTES - 64;
}

/* --- making and removing ------------------------------------------------------ */

static bool
write_number(const char *dir, const char *leaf, size_t number)
{
	char path[GROUP_DIR_BYTES + 64], text[32];
	int fd, length = snprintf(text, sizeof text, "%zu", number);
	bool ok;

	snprintf(path, sizeof path, "%s/%s", dir, leaf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, (size_t)length) == length;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
make_one(const char *dir, size_t limit)
{
	if (mkdir(dir, 0755) != 0)
		return false;
	if (limit == 0 || write_number(dir, GROUP_LIMIT, limit))
		return true;
	rmdir(dir);
	return false;
}

/* A process that has ended may take a moment to leave its group. */
static void
remove_one(const char *dir)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 10000; i++) {
		if (rmdir(dir) == 0 || errno != EBUSY)
			return;
		nanosleep(&pause, NULL);
	}
}

bool
group_make(struct group *g, size_t limit, size_t limit_above, const char **why)
{
	static char own[GROUP_DIR_BYTES];

	*why = "memory is no controller of version 1 here";
	if (!find_own(own))
		return false;
	*why = "no memory group can be made here";
	g->above[0] = '\0';
	snprintf(g->dir, sizeof g->dir, "%.3900s/trimalloc-case-%d", own,
		 (int)getpid());
	if (limit_above != 0) {
		snprintf(g->above, sizeof g->above, "%s", g->dir);
		if (!make_one(g->above, limit_above))
			return false;
		strncat(g->dir, "/in", sizeof g->dir - strlen(g->dir) - 1);
	}
	if (make_one(g->dir, limit))
		return true;
	if (limit_above != 0)
		remove_one(g->above);
	return false;
}

void
group_remove(const struct group *g)
{
	remove_one(g->dir);
	if (g->above[0] != '\0')
		remove_one(g->above);
}

/* --- for the cases ------------------------------------------------------------ */

bool
group_write(const char *leaf, size_t number)
{
	const char *dir = getenv(GROUP_VARIABLE);

	return dir != NULL && write_number(dir, leaf, number);
}

size_t
group_read(const char *leaf)
{
	const char *dir = getenv(GROUP_VARIABLE);
	char path[GROUP_DIR_BYTES + 64], text[32];
	ssize_t n;
	int fd;

	if (dir == NULL)
		abort();
	snprintf(path, sizeof path, "%s/%s", dir, leaf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (n <= 0)
		abort();
	close(fd);
	text[n] = '\0';
	return strtoull(text, NULL, 10);
}

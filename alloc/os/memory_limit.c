/*
 * memory_limit.c -- os_memory(), os_memory_stall_us(): how near the process's
 * control groups are to their limits.
 *
 * Called by the floor control, at each look for pressure.
 *
 * The usage of a group counts page cache that the kernel drops before it kills
 * anybody. What it could drop stands in memory.stat, which costs as much to
 * read as usage and limit together, hence the look at the raw usage first.
 */
#include <string.h>

#include "cgroup.h"
#include "memory.h"

/* No limit, or no number. */
#define NONE NUMBER_MAX

/* Version 1 says "none" by the largest multiple of a page, near 2^63. */
#define LIMIT_END (UINT64_C(1) << 62)

/* Usage from 1 - 1/NEAR of the threshold on is looked at closely. */
#define NEAR 8

/* Names of files and of lines, by version. */
struct names {
	const char *usage, *limit;
	const char *inactive, *active; /* in memory.stat */
};

static const struct names names_unified = {
	"memory.current",
	"memory.max",
	"inactive_file ",
	"active_file ",
};

/* In version 1, "total_" is what counts the groups below as well. */
static const struct names names_divided = {
	"memory.usage_in_bytes",
	"memory.limit_in_bytes",
	"total_inactive_file ",
	"total_active_file ",
};

/* The search for the group that is nearest to its limit. */
struct search {
	unsigned percent;
	bool found;
	struct os_memory nearest;
};

/* A file's number; NONE for "max", garbage, no file, and 2^62 or more. */
static uint64_t
group_number(struct cgroup *g, const char *leaf)
{
	uint64_t n;
	char text[64];

	if (!cgroup_read(g, leaf, text, sizeof text) ||
	    !number_parse(text, &n) || n >= LIMIT_END)
		return NONE;
	return n;
}

/* Adds the line's number to *sum where the line begins with the key. */
static void
add_line(const char *line, const char *key, uint64_t *sum)
{
	size_t len = strlen(key);
	uint64_t n;

	if (strncmp(line, key, len) == 0 && number_parse(line + len, &n) &&
	    n < LIMIT_END)
		*sum += n;
}

/* The page cache that the kernel can drop; 0 where it does not tell. */
static uint64_t
group_cache(struct cgroup *g, const struct names *names)
{
	struct lines l;
	const char *line;
	uint64_t bytes = 0;

	if (!lines_open(&l, cgroup_path(g, "memory.stat")))
		return 0;
	while ((line = lines_next(&l)) != NULL) {
		add_line(line, names->inactive, &bytes);
		add_line(line, names->active, &bytes);
	}
	lines_close(&l);
	return bytes;
}

/* The least limit of a group and of those above, seen or not; version 1. */
static uint64_t
group_hierarchical(struct cgroup *g)
{
	static const char key[] = "hierarchical_memory_limit ";
	struct lines l;
	const char *line;
	uint64_t n = NONE;

	if (!lines_open(&l, cgroup_path(g, "memory.stat")))
		return NONE;
	while (n == NONE && (line = lines_next(&l)) != NULL) {
		if (strncmp(line, key, sizeof key - 1) != 0 ||
		    !number_parse(line + sizeof key - 1, &n) || n >= LIMIT_END)
			n = NONE;
	}
	lines_close(&l);
	return n;
}

/* True for the tree's own root in version 1, which alone has this file. */
static bool
is_real_root(struct cgroup *g)
{
	struct lines l;

	if (!lines_open(&l, cgroup_path(g, "release_agent")))
		return false;
	lines_close(&l);
	return true;
}

/*
 * Version 1 tells of limits above what a container sees. The usage up there
 * it does not tell; that of the highest group in sight is a lower bound.
 */
static uint64_t
group_limit(struct cgroup *g, const struct names *names)
{
	uint64_t limit = group_number(g, names->limit), above;

	if (g->is_unified || !g->is_top || is_real_root(g))
		return limit;
	above = group_hierarchical(g);
	return above < limit ? above : limit;
}

/* Not limit * percent / 100, which may overflow. */
static uint64_t
share(uint64_t limit, unsigned percent)
{
	return limit / 100 * percent + limit % 100 * percent / 100;
}

/* False where the group has no limit, or its usage is not to be known. */
static bool
group_memory(struct cgroup *g, unsigned percent, struct os_memory *out)
{
	const struct names *names = g->is_unified ? &names_unified
						  : &names_divided;
	uint64_t limit = group_limit(g, names), high = NONE, usage, cache;

	if (g->is_unified)
		high = group_number(g, "memory.high");
	if (limit == NONE && high == NONE)
		return false;
	usage = group_number(g, names->usage);
	if (usage == NONE)
		return false;
	out->limit = limit;
	out->threshold = high < limit ? high : share(limit, percent);
	if (usage >= out->threshold - out->threshold / NEAR) {
		cache = group_cache(g, names);
		usage -= cache < usage ? cache : usage;
	}
	out->usage = usage;
	return true;
}

/* Bytes up to the threshold; below 0: it is crossed. */
static int64_t
room(const struct os_memory *m)
{
	return (int64_t)m->threshold - (int64_t)m->usage;
}

static void
visit_group(struct cgroup *g, void *arg)
{
	struct search *s = arg;
	struct os_memory m;

	if (!group_memory(g, s->percent, &m))
		return;
	if (!s->found || room(&m) < room(&s->nearest))
		s->nearest = m;
	s->found = true;
}

bool
os_memory(unsigned percent, struct os_memory *out)
{
	struct search s = { .percent = percent, .found = false };

	cgroup_visit("memory", visit_group, &s);
	if (s.found)
		*out = s.nearest;
	return s.found;
}

/* --- stalls -------------------------------------------------------------- */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234", then "full ...". */
static bool
parse_stall(const char *text, uint64_t *us)
{
	const char *total = strstr(text, "total=");

	return strncmp(text, "some ", 5) == 0 && total != NULL &&
	       number_parse(total + 6, us);
}

/* What os_memory_stall_us() looks for. */
struct stall {
	bool found;
	uint64_t us;
};

/* The kernel keeps account for every group of version 2, limited or not. */
static void
visit_stall(struct cgroup *g, void *arg)
{
	struct stall *stall = arg;
	char text[256];

	if (g->is_unified && g->is_own &&
	    cgroup_read(g, "memory.pressure", text, sizeof text))
		stall->found = parse_stall(text, &stall->us);
}

uint64_t
os_memory_stall_us(void)
{
	struct stall stall = { .found = false };
	char text[256];

	cgroup_visit("memory", visit_stall, &stall);
	if (!stall.found &&
	    file_read("/proc/pressure/memory", text, sizeof text))
		stall.found = parse_stall(text, &stall.us);
	return stall.found ? stall.us : 0;
}

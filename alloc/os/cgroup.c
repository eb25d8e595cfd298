/*
 * cgroup.c -- see cgroup.h.
 */
#include <string.h>

#include "../base/text.h"
#include "cgroup.h"
#include "os.h"

/* One of the two trees that this process may be in. */
struct tree {
	bool is_known; /* the process is in a group of it */
	bool is_shown; /* a mount was found */
	bool is_whole; /* ... that shows the process's own group */
	size_t mountlen;
	char path[CGROUP_DIR_BYTES]; /* in the tree; "": too long to say */
	struct cgroup group;         /* while looked for: the mount */
};

enum { V1, V2, NTREES };

/* --- what /proc says ----------------------------------------------------- */

/*
 * Not /proc/self alone: where the first thread has ended and others go on,
 * that one has no mounts, and the root's groups.
 */
static bool
open_proc(struct lines *l, const char *thread_self, const char *self)
{
	return lines_open(l, thread_self) || lines_open(l, self);
}

/* True where `word` is an element of a list "a,b,c" that ends at `end`. */
static bool
list_has(const char *list, const char *end, const char *word)
{
	size_t wordlen = strlen(word);

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma != NULL ? comma : end;

		if ((size_t)(stop - list) == wordlen &&
		    memcmp(list, word, wordlen) == 0)
			return true;
		list = stop + 1;
	}
	return false;
}

static void
tree_know(struct tree *t, const char *path)
{
	size_t len = strlen(path);

	t->is_known = true;
	if (len >= sizeof t->path)
		len = 0;
	memcpy(t->path, path, len);
	t->path[len] = '\0';
}

/* A line "id:controllers:path"; version 2 names no controllers. */
static void
read_group(struct tree *trees, const char *line, const char *controller)
{
	const char *first = strchr(line, ':');
	const char *second;

	if (first == NULL)
		return;
	second = strchr(first + 1, ':');
	if (second == NULL)
		return;
	if (second == first + 1)
		tree_know(&trees[V2], second + 1);
	else if (list_has(first + 1, second, controller))
		tree_know(&trees[V1], second + 1);
}

static void
read_groups(struct tree *trees, struct lines *l, const char *controller)
{
	const char *line;

	if (!open_proc(l, "/proc/thread-self/cgroup", "/proc/self/cgroup"))
		return;
	while ((line = lines_next(l)) != NULL)
		read_group(trees, line, controller);
	lines_close(l);
}

/* --- where the trees are mounted ----------------------------------------- */

static bool
is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' &&
	       s[2] >= '0' && s[2] <= '7';
}

/* In place: the kernel writes space, tab, line feed and \ as \040 and so on. */
static void
unescape(char *s)
{
	char *to = s;

	while (*s != '\0') {
		if (*s == '\\' && is_octal(s + 1)) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Ends the word at *s and moves *s to the next; NULL: there was none. */
static char *
take_word(char **s)
{
	char *word = *s, *space;

	if (word == NULL)
		return NULL;
	space = strchr(word, ' ');
	if (space != NULL)
		*space++ = '\0';
	*s = space;
	return word;
}

struct mount {
	const char *root, *point; /* what is shown, and where */
	const char *type;         /* "cgroup", "cgroup2" */
	const char *options;      /* version 1: the controllers, among others */
};

/*
 * A line "id parent device root point options [optional ...] - type source
 * superoptions". False where it is none, or is not about groups.
 */
static bool
parse_mount(char *line, struct mount *m)
{
	char *tail = strstr(line, " - cgroup");
	char *root, *point;

	if (tail == NULL)
		return false;
	*tail = '\0';
	tail += 3;
	m->type = take_word(&tail);
	take_word(&tail);
	m->options = take_word(&tail);
	for (int i = 0; i < 3; i++)
		take_word(&line);
	root = take_word(&line);
	point = take_word(&line);
	if (m->options == NULL || point == NULL)
		return false;
	unescape(root);
	unescape(point);
	m->root = root;
	m->point = point;
	return true;
}

/* The tree that a mount shows; NULL: neither of ours. */
static struct tree *
mounted_tree(struct tree *trees, const struct mount *m, const char *controller)
{
	if (strcmp(m->type, "cgroup2") == 0)
		return &trees[V2];
	if (strcmp(m->type, "cgroup") == 0 &&
	    list_has(m->options, m->options + strlen(m->options), controller))
		return &trees[V1];
	return NULL;
}

/* True where ".." is a component: the group lies outside of the namespace. */
static bool
leads_up(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/..")) != NULL; p += 3) {
		if (p[3] == '/' || p[3] == '\0')
			return true;
	}
	return false;
}

/* `path` counted from `root`, "" or "/..."; NULL where it lies elsewhere. */
static const char *
below(const char *path, const char *root)
{
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	if (path[0] != '/' || strncmp(path, root, len) != 0)
		return NULL;
	path += len;
	if ((*path != '\0' && *path != '/') || leads_up(path))
		return NULL;
	return path;
}

/*
 * The group's folder. Where the mount does not show it, the mount itself is
 * taken: it is what a container was given as its own, and may have been moved
 * out of. False where the mount's name is too long.
 */
static bool
tree_place(struct tree *t, const char *point, const char *rest)
{
	struct cgroup *g = &t->group;
	size_t len = strlen(point), restlen = rest != NULL ? strlen(rest) : 0;

	if (len >= CGROUP_DIR_BYTES)
		return false;
	if (len + restlen >= CGROUP_DIR_BYTES)
		restlen = 0;
	memcpy(g->dir, point, len);
	if (restlen > 0)
		memcpy(g->dir + len, rest, restlen);
	t->mountlen = len;
	g->len = len + restlen;
	t->is_shown = true;
	t->is_whole = rest != NULL;
	return true;
}

/* One mount: the first that shows the group counts, else the first of all. */
static void
read_mount(struct tree *trees, char *line, const char *controller)
{
	struct mount m;
	struct tree *t;
	const char *rest;

	if (!parse_mount(line, &m))
		return;
	t = mounted_tree(trees, &m, controller);
	if (t == NULL || !t->is_known || t->is_whole)
		return;
	rest = below(t->path, m.root);
	if (rest != NULL || !t->is_shown)
		tree_place(t, m.point, rest);
}

static bool
is_settled(const struct tree *t)
{
	return !t->is_known || t->is_whole;
}

/* Where everybody mounts them. */
static void
guess_mounts(struct tree *trees, const char *controller)
{
	char point[CGROUP_LEAF_BYTES];
	struct text text;

	text_init(&text, point, sizeof point - 1);
	text_str(&text, "/sys/fs/cgroup/");
	text_str(&text, controller);
	point[text.len] = '\0';
	tree_place(&trees[V1], point, below(trees[V1].path, "/"));
	tree_place(&trees[V2], "/sys/fs/cgroup", below(trees[V2].path, "/"));
}

static void
read_mounts(struct tree *trees, struct lines *l, const char *controller)
{
	char *line;

	if (!open_proc(l, "/proc/thread-self/mountinfo",
		       "/proc/self/mountinfo")) {
		guess_mounts(trees, controller);
		return;
	}
	while (!(is_settled(&trees[V1]) && is_settled(&trees[V2])) &&
	       (line = lines_next(l)) != NULL)
		read_mount(trees, line, controller);
	lines_close(l);
}

/* --- the visit ----------------------------------------------------------- */

const char *
cgroup_path(struct cgroup *g, const char *leaf)
{
	struct text t;

	text_init(&t, g->dir + g->len, CGROUP_LEAF_BYTES - 1);
	text_str(&t, "/");
	text_str(&t, leaf);
	t.buf[t.len] = '\0';
	return g->dir;
}

bool
cgroup_read(struct cgroup *g, const char *leaf, char *buf, size_t cap)
{
	return file_read(cgroup_path(g, leaf), buf, cap);
}

static void
tree_visit(struct tree *t, void (*visit)(struct cgroup *g, void *arg),
	   void *arg)
{
	struct cgroup *g = &t->group;

	g->is_own = t->is_whole;
	for (;;) {
		while (g->len > t->mountlen && g->dir[g->len - 1] == '/')
			g->len--;
		g->is_top = g->len == t->mountlen;
		visit(g, arg);
		if (g->is_top)
			return;
		while (g->len > t->mountlen && g->dir[g->len - 1] != '/')
			g->len--;
		g->is_own = false;
	}
}

static void
find_trees(struct tree *trees, struct lines *l, const char *controller)
{
	for (int i = 0; i < NTREES; i++) {
		trees[i].is_known = false;
		trees[i].is_shown = false;
		trees[i].is_whole = false;
		trees[i].group.is_unified = i == V2;
	}
	read_groups(trees, l, controller);
	if (trees[V1].is_known || trees[V2].is_known)
		read_mounts(trees, l, controller);
}

/*
 * What a visit needs is too much for the stacks of 16 KiB that some threads
 * have, for free() may make one. It lies here, and for a visit that meets
 * another one, or was copied by fork in the middle of one, in pages of its own.
 */
struct work {
	struct tree trees[NTREES];
	struct lines lines;
};

static struct work shared;
static _Atomic bool is_taken;

/* NULL: no memory. */
static struct work *
work_take(void)
{
	/* Acquire: pairs with the release in work_put(). */
	if (!atomic_exchange_explicit(&is_taken, true, memory_order_acquire))
		return &shared;
	return os_map(align_up(sizeof(struct work), PAGE_BYTES));
}

static void
work_put(struct work *w)
{
	if (w == &shared)
		atomic_store_explicit(&is_taken, false, memory_order_release);
	else
		os_release(w, align_up(sizeof *w, PAGE_BYTES));
}

void
cgroup_visit(const char *controller, void (*visit)(struct cgroup *g, void *arg),
	     void *arg)
{
	struct work *w = work_take();

	if (w == NULL)
		return;
	find_trees(w->trees, &w->lines, controller);
	for (int i = 0; i < NTREES; i++) {
		if (w->trees[i].is_known && w->trees[i].is_shown)
			tree_visit(&w->trees[i], visit, arg);
	}
	work_put(w);
}

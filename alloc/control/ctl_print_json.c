/*
 * ctl_print_json.c -- see ctl_print.h: the table of names as an object.
 *
 * A component of a name is a member, an index an array; so the shape is
 * jemalloc's wherever the names are.
 */
#include <string.h>

#include "../base/json.h"
#include "ctl_print.h"

struct writer {
	struct json j;
	const char *opts;
	size_t index[2];
};

#define KEY_BYTES 32

/* A component as a key. */
static const char *
key_of(const char *at, char key[KEY_BYTES])
{
	size_t n = min_size(strcspn(at, "."), KEY_BYTES - 1);

	memcpy(key, at, n);
	key[n] = '\0';
	/* The one name that says its unit in JSON alone. */
	return strcmp(key, "uptime") == 0 ? "uptime_ns" : key;
}

static void
write_value(struct json *j, const char *key, enum ctl_type type,
	    const union ctl_value *v)
{
	if (type == CTL_BOOL) {
		json_bool(j, key, v->is);
	} else if (type == CTL_STRING) {
		json_string(j, key, v->words != NULL ? v->words : "");
	} else {
		json_raw(j, key);
		ctl_value_text(j->out, type, v);
	}
}

/* Arrays that a letter leaves out; arenas have a member of their own. */
static bool
is_wanted(const struct writer *w, const char *at)
{
	if (strncmp(at, "arenas.<i>.", 11) == 0)
		return false;
	if (strncmp(at, "bins.", 5) == 0)
		return ctl_print_has(w->opts, 'b');
	if (strncmp(at, "lextents.", 9) == 0)
		return ctl_print_has(w->opts, 'l');
	return true;
}

/* The rows from r.low on that share its next component. */
static size_t
group_end(struct ctl_rows r)
{
	const char *at = ctl_rows[r.low].name + r.at;
	size_t end = r.low + 1, n = strcspn(at, ".") + 1;

	while (end < r.high && strncmp(ctl_rows[end].name + r.at, at, n) == 0)
		end++;
	return end;
}

/* True where a row of the range has a value now. */
static bool
has_value(const struct writer *w, struct ctl_rows r)
{
	union ctl_value v;

	for (; r.low < r.high; r.low++) {
		if (ctl_print_read(&ctl_rows[r.low], w->index, &v))
			return true;
	}
	return false;
}

static void write_rows(struct writer *w, struct ctl_rows r);

/* What follows "bin.": an element for each class. */
static void
write_array(struct writer *w, const char *key, struct ctl_rows r, size_t n)
{
	const char *name = ctl_rows[r.low].name;
	size_t *index = &w->index[name[r.at + 1] == 'j'];

	json_array(&w->j, key);
	for (*index = 0; ctl_has_index(name, r.at, *index); ++*index) {
		struct ctl_rows inner = r;

		inner.at = n;
		json_object(&w->j, NULL);
		write_rows(w, inner);
		json_end(&w->j);
	}
	*index = 0;
	json_end(&w->j);
}

static void
write_group(struct writer *w, struct ctl_rows r)
{
	const char *at = ctl_rows[r.low].name + r.at;
	char key[KEY_BYTES];
	size_t len = strcspn(at, ".");

	if (!has_value(w, r) || !is_wanted(w, at))
		return;
	r.at += len + 1;
	if (at[len + 1] == '<') {
		write_array(w, key_of(at, key), r, r.at + strlen("<i>."));
		return;
	}
	json_object(&w->j, key_of(at, key));
	write_rows(w, r);
	json_end(&w->j);
}

static void
write_leaf(struct writer *w, const struct ctl_row *row, const char *at)
{
	char key[KEY_BYTES];
	union ctl_value v;

	if (ctl_print_read(row, w->index, &v))
		write_value(&w->j, key_of(at, key), row->type, &v);
}

static void
write_rows(struct writer *w, struct ctl_rows r)
{
	while (r.low < r.high) {
		const struct ctl_row *row = &ctl_rows[r.low];
		struct ctl_rows group = { r.low, group_end(r), r.at };

		if (strchr(row->name + r.at, '.') == NULL)
			write_leaf(w, row, row->name + r.at);
		else
			write_group(w, group);
		r.low = group.high;
	}
}

static void
write_branch(struct writer *w, const char *key, const char *prefix)
{
	json_object(&w->j, key);
	write_rows(w, ctl_rows_under(prefix));
	json_end(&w->j);
}

static void
write_general(struct writer *w)
{
	union ctl_value v;

	if (ctl_print_read(&ctl_rows[0], w->index, &v))
		json_string(&w->j, "version", v.words);
	write_branch(w, "config", "config.");
	write_branch(w, "opt", "opt.");
	write_branch(w, "arenas", "arenas.");
}

static void
write_arena(struct writer *w, const char *key, size_t index)
{
	w->index[0] = index;
	write_branch(w, key, "stats.arenas.<i>.");
	w->index[0] = 0;
}

static void
write_arenas(struct writer *w)
{
	size_t at = strlen("stats.arenas.");

	json_object(&w->j, "stats.arenas");
	if (ctl_print_has(w->opts, 'm'))
		write_arena(w, "merged", CTL_ARENAS_ALL);
	for (size_t i = 0; ctl_print_has(w->opts, 'a') &&
			   ctl_has_index("stats.arenas.<i>.", at, i);
	     i++) {
		char key[KEY_BYTES];
		struct text t;

		text_init(&t, key, sizeof key - 1);
		text_uint(&t, i);
		key[t.len] = '\0';
		write_arena(w, key, i);
	}
	json_end(&w->j);
}

void
ctl_print_json(struct text *t, const char *opts)
{
	struct writer w = { .opts = opts };

	json_init(&w.j, t);
	json_object(&w.j, NULL);
	json_object(&w.j, "jemalloc");
	if (ctl_print_has(opts, 'g'))
		write_general(&w);
	write_branch(&w, "stats", "stats.");
	write_arenas(&w);
	json_end(&w.j);
	json_end(&w.j);
}

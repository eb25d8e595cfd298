/*
 * diff.c -- see diff.h.
 *
 * A report is made flat: a list of names and numbers in the order in which it
 * has them. What is in a list is named by what tells it apart there: the arena
 * by its index, the class by its size, the thread by its number.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "link.h"
#include "tool.h"

struct number {
	char *name;
	double value;
};

struct look {
	struct number *numbers;
	size_t n, size;
};

/* What names the entries of lists, and is no figure itself. */
static const char *const keys[] = { "index", "size", "up_to", "tid" };

static bool
is_key(const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strcmp(keys[i], name) == 0)
			return true;
	}
	/* These always differ, and say nothing. */
	return strcmp(name, "time_ms") == 0 || strcmp(name, "uptime_ms") == 0 ||
	       strcmp(name, "pid") == 0 || strcmp(name, "format") == 0;
}

static long long
entry_key(const json_t *entry, size_t place)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const json_t *key = json_object_get(entry, keys[i]);

		if (json_is_integer(key))
			return json_integer_value(key);
	}
	return (long long)place;
}

static void
add_number(struct look *look, const char *name, double value)
{
	if (look->n == look->size) {
		look->size = look->size == 0 ? 256 : look->size * 2;
		look->numbers = must(realloc(
			look->numbers, look->size * sizeof *look->numbers));
	}
	look->numbers[look->n].name = must(strdup(name));
	look->numbers[look->n++].value = value;
}

/*
 * The name of a member, of malloc: whoever runs the process chose it. It is
 * cut, for of long names within long names there would be no end.
 */
static char *
member_name(const char *of, const char *key)
{
	char *full = format_string("%.200s%s%.100s", of, *of ? "." : "", key);

	return make_printable(full, strlen(full));
}

/* Depth is bounded by the reader of JSON. */
static void
flatten(struct look *look, const char *name, json_t *value)
{
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_number(value)) {
		add_number(look, name, json_number_value(value));
	} else if (json_is_object(value)) {
		json_object_foreach(value, key, child)
		{
			char *full = member_name(name, key);

			if (!is_key(key))
				flatten(look, full, child);
			free(full);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, child)
		{
			char *full = format_string("%.200s[%lld]", name,
						   entry_key(child, i));

			flatten(look, full, child);
			free(full);
		}
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct number *)a)->name,
		      ((const struct number *)b)->name);
}

struct look *
look_read(const char *json, size_t len)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	struct look *look;

	if (!json_is_object(root)) {
		json_decref(root);
		return NULL;
	}
	look = must(calloc(1, sizeof *look));
	flatten(look, "", root);
	json_decref(root);
	return look;
}

void
look_free(struct look *look)
{
	if (look == NULL)
		return;
	for (size_t i = 0; i < look->n; i++)
		free(look->numbers[i].name);
	free(look->numbers);
	free(look);
}

/* A copy of the numbers, by name, for searching. */
static struct number *
sorted(const struct look *look)
{
	struct number *copy = must(calloc(look->n + 1, sizeof *copy));

	if (look->n > 0)
		memcpy(copy, look->numbers, look->n * sizeof *copy);
	qsort(copy, look->n, sizeof *copy, by_name);
	return copy;
}

static void
print_change(const char *name, double before, double after, FILE *out)
{
	double change = after - before;

	fprintf(out, "%-40s %16.0f %16.0f %s%+16.0f%s\n", name, before, after,
		ink(out, change < 0 ? GREEN : YELLOW), change, ink(out, PLAIN));
}

/* What of `a` is in `b` as well, with another value; and, as from 0, what is
 * in `a` alone.. */
static void
print_one_way(const struct look *a, const struct look *b, bool a_is_later,
	      FILE *out)
{
	struct number *others = sorted(b);

	for (size_t i = 0; i < a->n; i++) {
		const struct number *n = &a->numbers[i];
		const struct number *o = bsearch(n, others, b->n, sizeof *n,
						 by_name);

		if (a_is_later && n->value != (o == NULL ? 0 : o->value))
			print_change(n->name, o == NULL ? 0 : o->value,
				     n->value, out);
		if (!a_is_later && o == NULL && n->value != 0)
			print_change(n->name, n->value, 0, out);
	}
	free(others);
}

void
look_print_changes(const struct look *before, const struct look *after,
		   FILE *out)
{
	fprintf(out, "%s%-40s %16s %16s %16s%s\n", ink(out, BOLD), "name",
		"before", "after", "change", ink(out, PLAIN));
	print_one_way(after, before, true, out);
	print_one_way(before, after, false, out);
}

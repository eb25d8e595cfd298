/*
 * metrics.c -- see metrics.h. families.def has the table.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "metrics.h"

enum of { PROCESS, ARENA, CLASS };

struct family {
	const char *name, *type, *unit;
	double scale;
	enum of of;
	const char *path, *label, *help;
};

static const struct family families[] = {
#define FAMILY(name, type, unit, scale, of, path, label, help) \
	{ "trimalloc_" #name, #type, unit, scale, of, path, label, help },
#include "families.def"
#undef FAMILY
};

#define NFAMILIES (sizeof families / sizeof families[0])

/* What is known of a process without its answer. */
static const struct family outside[] = {
	{ "trimalloc_up", "gauge", NULL, 1, PROCESS, NULL, NULL,
	  "Did the process's control socket answer?" },
	{ "trimalloc_process_resident_bytes", "gauge", "bytes", 1, PROCESS,
	  NULL, NULL, "Resident memory of the whole process." },
	{ "trimalloc_build_info", "gauge", NULL, 1, PROCESS, NULL, NULL,
	  "Always 1; the version of the library." },
	{ "trimalloc_exporter_processes", "gauge", NULL, 1, PROCESS, NULL, NULL,
	  "Processes that were asked." },
	{ "trimalloc_exporter_left_out", "gauge", NULL, 1, PROCESS, NULL, NULL,
	  "Processes that were too many to be asked." },
	{ "trimalloc_exporter_scrape_seconds", "gauge", "seconds", 1, PROCESS,
	  NULL, NULL, "Time that this scrape took." },
};

#define NOUTSIDE (sizeof outside / sizeof outside[0])

struct samples {
	FILE *out;
	char *text;
	size_t len;
};

struct metrics {
	bool has_classes;
	struct samples outside[NOUTSIDE];
	struct samples samples[NFAMILIES];
};

struct metrics *
metrics_new(bool has_classes)
{
	struct metrics *m = must(calloc(1, sizeof *m));

	m->has_classes = has_classes;
	for (size_t i = 0; i < NOUTSIDE; i++)
		m->outside[i].out = must(open_memstream(&m->outside[i].text,
							&m->outside[i].len));
	for (size_t i = 0; i < NFAMILIES; i++)
		m->samples[i].out = must(open_memstream(&m->samples[i].text,
							&m->samples[i].len));
	return m;
}

void
metrics_free(struct metrics *m)
{
	for (size_t i = 0; i < NOUTSIDE; i++) {
		fclose(m->outside[i].out);
		free(m->outside[i].text);
	}
	for (size_t i = 0; i < NFAMILIES; i++) {
		fclose(m->samples[i].out);
		free(m->samples[i].text);
	}
	free(m);
}

/* A label's value, in quotes: UTF-8 with three characters escaped. */
static char *
quote(const char *value)
{
	char *clean = make_printable(must(strdup(value)), strlen(value));
	char *quoted = must(malloc(2 * strlen(value) + 3)), *at = quoted;

	*at++ = '"';
	for (const char *c = clean; *c != '\0'; c++) {
		if (*c == '\\' || *c == '"' || *c == '\n')
			*at++ = '\\';
		if (*c == '\n')
			*at++ = 'n';
		else
			*at++ = *c;
	}
	*at++ = '"';
	*at = '\0';
	free(clean);
	return quoted;
}

/* A counter's samples are its family's name and _total. */
static void
print_sample(FILE *out, const struct family *f, const char *labels,
	     const char *more, double value)
{
	fprintf(out, "%s%s", f->name,
		strcmp(f->type, "counter") == 0 ? "_total" : "");
	if (labels[0] != '\0')
		fprintf(out, "{%s%s%s}", labels, more[0] == '\0' ? "" : ",",
			more);
	fputc(' ', out);
	/* Whole numbers whole, up to where a double has them all. */
	if (value == floor(value) && fabs(value) < 9007199254740992.0)
		fprintf(out, "%.0f\n", value);
	else
		fprintf(out, "%.9g\n", value);
}

/* What stands at "a.b.c"; NULL: nothing. */
static const json_t *
at_path(const json_t *root, const char *path)
{
	char key[64];

	while (root != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		root = json_object_get(root, key);
		path += n + (path[n] == '.');
	}
	return root;
}

/* A number, a boolean, or a level of pressure. */
static bool
number_of(const json_t *value, double *out)
{
	static const char *const levels[] = { "none", "high", "critical" };

	if (json_is_number(value)) {
		*out = json_number_value(value);
		return true;
	}
	if (json_is_boolean(value)) {
		*out = json_is_true(value);
		return true;
	}
	for (int i = 0; json_is_string(value) && i < 3; i++) {
		if (strcmp(json_string_value(value), levels[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void
add_row(struct metrics *m, size_t row, const char *labels, const char *more,
	const json_t *root)
{
	const struct family *f = &families[row];
	double value;

	if (number_of(at_path(root, f->path), &value))
		print_sample(m->samples[row].out, f, labels,
			     f->label == NULL ? more : f->label,
			     value * f->scale);
}

static void
add_rows(struct metrics *m, enum of of, const char *labels, const char *more,
	 const json_t *root)
{
	for (size_t i = 0; i < NFAMILIES; i++) {
		if (families[i].of == of)
			add_row(m, i, labels, more, root);
	}
}

/* The rows of each entry of a list, with a label of what tells it apart. */
static void
add_list(struct metrics *m, enum of of, const char *labels, const json_t *list,
	 const char *label, const char *key)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		char *more = format_string(
			"%s=\"%lld\"", label,
			(long long)json_integer_value(
				json_object_get(entry, key)));

		add_rows(m, of, labels, more, entry);
		free(more);
	}
}

static void
add_build_info(struct metrics *m, const char *labels, const json_t *json)
{
	const char *version = json_string_value(
		json_object_get(json, "version"));
	char *quoted, *more;

	if (version == NULL)
		return;
	quoted = quote(version);
	more = format_string("version=%s", quoted);
	print_sample(m->outside[2].out, &outside[2], labels, more, 1);
	free(more);
	free(quoted);
}

void
metrics_add(struct metrics *m, const struct proc *p, const json_t *json)
{
	char *comm = quote(p->comm);
	char *labels = format_string("pid=\"%d\",comm=%s", p->pid, comm);

	print_sample(m->outside[0].out, &outside[0], labels, "", json != NULL);
	print_sample(m->outside[1].out, &outside[1], labels, "",
		     (double)p->resident);
	if (json != NULL) {
		add_build_info(m, labels, json);
		add_rows(m, PROCESS, labels, "", json);
		add_list(m, ARENA, labels, json_object_get(json, "arenas"),
			 "arena", "index");
	}
	if (json != NULL && m->has_classes)
		add_list(m, CLASS, labels, json_object_get(json, "classes"),
			 "size", "size");
	free(labels);
	free(comm);
}

void
metrics_add_scrape(struct metrics *m, size_t nprocesses, size_t nleft_out,
		   double seconds)
{
	print_sample(m->outside[3].out, &outside[3], "", "",
		     (double)nprocesses);
	print_sample(m->outside[4].out, &outside[4], "", "", (double)nleft_out);
	print_sample(m->outside[5].out, &outside[5], "", "", seconds);
}

bool
metrics_add_text(struct metrics *m, const struct proc *p, const char *text,
		 size_t len)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	bool is_report = json_is_object(json);

	if (is_report)
		metrics_add(m, p, json);
	json_decref(json);
	return is_report;
}

/* In the older format a family is named as its samples are. */
static void
write_head(const struct family *f, enum metrics_form form, FILE *out)
{
	bool is_plain = form == METRICS_PROMETHEUS;
	const char *suffix = is_plain && strcmp(f->type, "counter") == 0
				     ? "_total"
				     : "";

	fprintf(out, "# HELP %s%s %s\n", f->name, suffix, f->help);
	fprintf(out, "# TYPE %s%s %s\n", f->name, suffix, f->type);
	if (!is_plain && f->unit != NULL)
		fprintf(out, "# UNIT %s %s\n", f->name, f->unit);
}

static void
write_samples(const struct family *f, const struct samples *s, bool is_first,
	      enum metrics_form form, FILE *out)
{
	fflush(s->out);
	if (s->len == 0)
		return;
	if (is_first)
		write_head(f, form, out);
	fwrite(s->text, 1, s->len, out);
}

void
metrics_write(const struct metrics *m, enum metrics_form form, FILE *out)
{
	bool is_first = true;

	for (size_t i = 0; i < NOUTSIDE; i++)
		write_samples(&outside[i], &m->outside[i], true, form, out);
	for (size_t i = 0; i < NFAMILIES; i++) {
		bool is_same = i > 0 && strcmp(families[i].name,
					       families[i - 1].name) == 0;

		/* The head, once, in front of the family's first samples. */
		is_first = is_same ? is_first : true;
		write_samples(&families[i], &m->samples[i], is_first, form,
			      out);
		if (m->samples[i].len > 0)
			is_first = false;
	}
	if (form == METRICS_OPENMETRICS)
		fputs("# EOF\n", out);
}

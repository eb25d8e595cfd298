/*
 * request.c -- see request.h.
 */
#include <errno.h>
#include <string.h>

#include "../base/check.h"
#include "../base/errors.h"
#include "../base/options.h"
#include "../os/os.h"
#include "../os/output.h"
#include "ctl.h"
#include "ctl_print.h"
#include "dump.h"
#include "reclaim.h"
#include "request.h"

/* Most answers are shorter; one that is not is made anew in twice as much. */
#define BODY_BYTES (64 * KIB)

#define BODY_MOST (16 * MIB)

/* Behind the forms of enum report_form: malloc_stats_print's. */
#define FORM_JEMALLOC (REPORT_XML + 1)

void
answer_drop(struct answer *a)
{
	if (a->body.buf != NULL)
		report_drop(&a->body);
	a->body.buf = NULL;
}

void
answer_error(struct answer *out, const char *word, const char *sentence)
{
	struct text t;

	answer_drop(out);
	text_init(&t, out->head, sizeof out->head - 1);
	text_str(&t, "error ");
	text_str(&t, word);
	text_str(&t, " ");
	text_str(&t, sentence);
	out->head[t.len] = '\n';
	out->nhead = t.len + 1;
}

/* What errno values mean here; below 0, those of a file. */
static void
answer_errno(struct answer *out, int error)
{
	const char *why = error_words(error < 0 ? -error : error);

	if (error < 0) {
		answer_error(out, "io",
			     why != NULL ? why : "it cannot be written");
		return;
	}
	switch (error) {
	case ENOENT:
		answer_error(out, "noent", "there is no such name");
		break;
	case EPERM:
		answer_error(out, "perm",
			     "it cannot be read, or not be written, from here");
		break;
	case EINVAL:
		answer_error(out, "inval", "that is no value for this name");
		break;
	case ENOMEM:
	case EAGAIN:
		answer_error(out, "nomem", "no memory for the answer");
		break;
	case EBUSY:
		answer_error(out, "busy", "another one is under way");
		break;
	default:
		answer_error(out, "inval", why != NULL ? why : "it failed");
	}
}

static void
answer_ok(struct answer *out)
{
	struct text t;

	text_init(&t, out->head, sizeof out->head);
	text_str(&t, "ok ");
	text_uint(&t, out->body.buf != NULL ? out->body.len : 0);
	text_str(&t, "\n");
	out->nhead = t.len;
}

/* --- texts -------------------------------------------------------------------- */

/* Says something; 0, an errno value, or one below 0: of a file. */
typedef int say_fn(struct text *t, const char *arg);

/* What is said, in memory of the kernel's, twice as much of it until it fits. */
static void
answer_text(struct answer *out, say_fn *say, const char *arg)
{
	for (size_t cap = BODY_BYTES; cap <= BODY_MOST; cap *= 2) {
		struct text t;
		int error;

		out->body.cap = cap;
		out->body.buf = os_map(cap);
		if (out->body.buf == NULL)
			break;
		text_init(&t, out->body.buf, cap);
		error = say(&t, arg);
		out->body.len = t.len;
		if (error != 0) {
			answer_errno(out, error);
			return;
		}
		if (!t.lost) {
			answer_ok(out);
			return;
		}
		answer_drop(out);
	}
	answer_errno(out, ENOMEM);
}

static int
say_hello(struct text *t, const char *arg UNUSED)
{
	text_str(t, "trimalloc " TRI_VERSION " format 1\n");
	return 0;
}

static int
say_trim(struct text *t, const char *arg UNUSED)
{
	text_str(t, "bytes ");
	text_uint(t, reclaim_now());
	text_str(t, "\n");
	return 0;
}

static int
say_value(struct text *t, const char *name)
{
	int error = ctl_read_text(name, t);

	text_str(t, "\n");
	return error;
}

static void
say_name(const char *name, enum ctl_type type, bool is_writable, void *t)
{
	text_str(t, name);
	text_str(t, " ");
	text_str(t, ctl_type_name(type));
	text_str(t, is_writable ? " rw\n" : " ro\n");
}

static int
say_names(struct text *t, const char *arg UNUSED)
{
	ctl_list(say_name, t);
	return 0;
}

static int
say_options(struct text *t, const char *arg UNUSED)
{
	size_t n;
	const struct option_row *rows = options_table(&n);

	for (size_t i = 0; i < n; i++) {
		text_str(t, rows[i].name);
		text_str(t, "=");
		text_option(t, &rows[i]);
		text_str(t, "\n");
	}
	return 0;
}

static int
say_dump(struct text *t, const char *arg UNUSED)
{
	char where[OUTPUT_PATH_BYTES];
	int error = dump_now(where, sizeof where);

	/* Where there was none, `where` says nothing, and what errno values
	 * mean for names is not what they mean for files. */
	if (error != 0)
		return error == EBUSY || error == ENOMEM ? error : -error;
	text_str(t, where);
	text_str(t, "\n");
	return 0;
}

/* --- requests -------------------------------------------------------------------- */

typedef void serve_fn(char *arg, struct answer *out);

/* A report in one of its forms; false: no memory. */
static bool
make_report(unsigned form, struct report *out)
{
	if (form == FORM_JEMALLOC)
		return ctl_print("", out);
	return report_make((enum report_form)form, out);
}

static void
serve_stats(char *word, struct answer *out)
{
	static const char *const forms[] = {
		[REPORT_TEXT] = "text",
		[REPORT_JSON] = "json",
		[REPORT_XML] = "xml",
		[FORM_JEMALLOC] = "jemalloc",
	};

	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (strcmp(word, forms[i]) != 0)
			continue;
		if (make_report(i, &out->body)) {
			answer_ok(out);
		} else {
			out->body.buf = NULL;
			answer_errno(out, ENOMEM);
		}
		return;
	}
	answer_error(out, "inval", "stats takes text, json, xml or jemalloc");
}

static void
serve_get(char *name, struct answer *out)
{
	answer_text(out, say_value, name);
}

static void
serve_set(char *pair, struct answer *out)
{
	char *equals = strchr(pair, '=');
	int error;

	if (equals == NULL) {
		answer_error(out, "inval", "set takes NAME=VALUE");
		return;
	}
	*equals = '\0';
	error = ctl_write_text(pair, equals + 1);
	if (error != 0)
		answer_errno(out, error);
	else
		answer_ok(out);
}

static void
serve_call(char *name, struct answer *out)
{
	int error = ctl_write_text(name, "");

	if (error != 0)
		answer_errno(out, error);
	else
		answer_ok(out);
}

static const struct {
	const char *word;
	serve_fn *serve; /* with an argument; or */
	say_fn *say;     /* without */
} requests[] = {
	{ "hello", NULL, say_hello }, { "stats", serve_stats, NULL },
	{ "trim", NULL, say_trim },   { "get", serve_get, NULL },
	{ "set", serve_set, NULL },   { "call", serve_call, NULL },
	{ "list", NULL, say_names },  { "options", NULL, say_options },
	{ "dump", NULL, say_dump },
};

#define NREQUESTS (sizeof requests / sizeof requests[0])

/* A request: `arg` is "" where there is none. */
static void
serve(const char *word, char *arg, struct answer *out)
{
	for (size_t i = 0; i < NREQUESTS; i++) {
		if (strcmp(word, requests[i].word) != 0)
			continue;
		if (requests[i].say != NULL && *arg == '\0')
			answer_text(out, requests[i].say, NULL);
		else if (requests[i].serve != NULL && *arg != '\0')
			requests[i].serve(arg, out);
		else
			answer_error(out, "inval",
				     *arg == '\0' ? "an argument is missing"
						  : "it takes no argument");
		return;
	}
	answer_error(out, "noent",
		     "there is no such request: hello, stats, trim, get, set, "
		     "call, list, options, dump");
}

void
request_answer(const char *line, size_t len, struct answer *out)
{
	char copy[REQUEST_BYTES + 1], *space;

	out->body.buf = NULL;
	if (len > REQUEST_BYTES) {
		answer_error(out, "toolong", "a line has 4,096 bytes at most");
		return;
	}
	if (memchr(line, '\0', len) != NULL) {
		answer_error(out, "inval", "a line is text");
		return;
	}
	memcpy(copy, line, len);
	copy[len] = '\0';
	space = strchr(copy, ' ');
	if (space != NULL)
		*space = '\0';
	serve(copy, space != NULL ? space + 1 : copy + len, out);
}

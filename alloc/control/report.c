/*
 * report.c -- see report.h: whole reports, and what all forms need.
 */
#include <string.h>

#include "../base/check.h"
#include "../os/file.h"
#include "../os/os.h"
#include "report.h"

void
thread_name(int tid, char name[THREAD_NAME_BYTES])
{
	char path[64];
	struct text t;
	size_t n;

	text_init(&t, path, sizeof path - 1);
	text_str(&t, "/proc/self/task/");
	text_uint(&t, (uint64_t)tid);
	text_str(&t, "/comm");
	path[t.len] = '\0';
	/* It may have died meanwhile. */
	if (!file_read(path, name, THREAD_NAME_BYTES))
		name[0] = '\0';
	/* The last byte is the kernel's line feed; others are the name's. */
	n = strlen(name);
	if (n > 0 && name[n - 1] == '\n')
		name[n - 1] = '\0';
}

/* --- whole reports ---------------------------------------------------------------- */
/* What a report takes for the most part; it is made anew where it is longer. */
#define REPORT_BYTES (128 * KIB)

typedef void report_fn(struct text *t, const struct snapshot *s);

static report_fn *const forms[] = {
	[REPORT_TEXT] = report_text,
	[REPORT_JSON] = report_json,
	[REPORT_XML] = report_xml,
};

/* Into memory of the kernel's, twice as much of it until all is said. */
static bool
write_out(report_fn *form, const struct snapshot *s, struct report *out)
{
	for (out->cap = REPORT_BYTES;; out->cap *= 2) {
		struct text t;

		out->buf = os_map(out->cap);
		if (out->buf == NULL)
			return false;
		text_init(&t, out->buf, out->cap);
		form(&t, s);
		out->len = t.len;
		if (!t.lost)
			return true;
		report_drop(out);
	}
}

bool
report_make(enum report_form form, struct report *out)
{
	struct snapshot *s = snapshot_take();
	bool ok;

	if (s == NULL)
		return false;
	stats_ask_kernel(&s->sum);
	ok = write_out(forms[form], s, out);
	snapshot_free(s);
	return ok;
}

void
report_drop(struct report *r)
{
	os_release(r->buf, r->cap);
}

void
report_write(const struct report *r, int fd)
{
	struct text t = { .buf = r->buf, .cap = r->cap, .len = r->len };

	text_write(&t, fd);
}

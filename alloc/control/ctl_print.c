/*
 * ctl_print.c -- see ctl_print.h.
 */
#include <string.h>

#include "../os/os.h"
#include "ctl_print.h"

#define PRINT_BYTES (128 * KIB)

bool
ctl_print_has(const char *opts, char letter)
{
	return strchr(opts, letter) == NULL;
}

struct ctl_rows
ctl_rows_under(const char *prefix)
{
	struct ctl_rows r = { .at = strlen(prefix) };

	while (r.low < ctl_nrows &&
	       strncmp(ctl_rows[r.low].name, prefix, r.at) != 0)
		r.low++;
	for (r.high = r.low; r.high < ctl_nrows; r.high++) {
		if (strncmp(ctl_rows[r.high].name, prefix, r.at) != 0)
			break;
	}
	return r;
}

bool
ctl_print_read(const struct ctl_row *row, const size_t index[2],
	       union ctl_value *v)
{
	struct ctl_call c = { .row = row, .index = { index[0], index[1] } };

	memset(v, 0, sizeof *v);
	return row->read != NULL && row->read(&c, v) == 0;
}

bool
ctl_print(const char *opts, struct report *out)
{
	if (ctl_write_text("epoch", "1") != 0)
		return false;
	for (out->cap = PRINT_BYTES;; out->cap *= 2) {
		struct text t;

		out->buf = os_map(out->cap);
		if (out->buf == NULL)
			return false;
		text_init(&t, out->buf, out->cap - 1);
		if (ctl_print_has(opts, 'J'))
			ctl_print_text(&t, opts);
		else
			ctl_print_json(&t, opts);
		out->buf[t.len] = '\0';
		out->len = t.len;
		if (!t.lost)
			return true;
		report_drop(out);
	}
}

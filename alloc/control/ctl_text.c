/*
 * ctl_text.c -- values as people read and write them, and the list of names.
 */
#include <errno.h>
#include <string.h>

#include "ctl_row.h"

const char *
ctl_type_name(enum ctl_type type)
{
	static const char *const names[] = {
		[CTL_BOOL] = "bool",       [CTL_UNSIGNED] = "unsigned",
		[CTL_UINT32] = "uint32_t", [CTL_UINT64] = "uint64_t",
		[CTL_SIZE] = "size_t",     [CTL_SSIZE] = "ssize_t",
		[CTL_STRING] = "string",   [CTL_POINTER] = "pointer",
		[CTL_VOID] = "void",
	};

	return names[type];
}

/* --- reading -------------------------------------------------------------------- */

void
ctl_value_text(struct text *t, enum ctl_type type, const union ctl_value *v)
{
	switch (type) {
	case CTL_BOOL:
		text_str(t, v->is ? "true" : "false");
		break;
	case CTL_UNSIGNED:
		text_uint(t, v->u);
		break;
	case CTL_UINT32:
		text_uint(t, v->u32);
		break;
	case CTL_UINT64:
		text_uint(t, v->u64);
		break;
	case CTL_SIZE:
		text_uint(t, v->size);
		break;
	case CTL_SSIZE:
		text_int(t, v->ssize);
		break;
	case CTL_STRING:
		text_str(t, v->words != NULL ? v->words : "");
		break;
	case CTL_POINTER:
		text_hex(t, (uintptr_t)v->pointer);
		break;
	case CTL_VOID:
		break;
	}
}

static bool
begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

bool
ctl_is_local(const char *name)
{
	struct ctl_call c;

	if (begins(name, "thread.") || begins(name, "tcache."))
		return true;
	return ctl_find(name, &c) == 0 &&
	       (c.row->type == CTL_POINTER || c.row->all != NULL);
}

/* The call of a name that people may say. */
static int
find_for_people(const char *name, struct ctl_call *c)
{
	int err;

	*c = (struct ctl_call){ 0 };
	err = ctl_find(name, c);
	if (err != 0)
		return err;
	if (ctl_is_absent(c->row))
		return ENOENT;
	return ctl_is_local(name) ? EPERM : 0;
}

int
ctl_read_text(const char *name, struct text *out)
{
	union ctl_value v;
	struct ctl_call c;
	int err = find_for_people(name, &c);

	if (err != 0)
		return err;
	if (c.row->read == NULL)
		return EPERM;
	memset(&v, 0, sizeof v);
	err = c.row->read(&c, &v);
	if (err == 0)
		ctl_value_text(out, c.row->type, &v);
	return err;
}

/* --- writing -------------------------------------------------------------------- */

static bool
parse_digits(const char *s, uint64_t *out)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' ||
		    __builtin_mul_overflow(n, UINT64_C(10), &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	}
	*out = n;
	return true;
}

static bool
parse_signed(const char *s, ssize_t *out)
{
	bool is_negative = *s == '-';
	uint64_t n;

	if (!parse_digits(s + is_negative, &n) || n > INT64_MAX)
		return false;
	*out = is_negative ? -(ssize_t)n : (ssize_t)n;
	return true;
}

static bool
parse_unsigned(const char *s, enum ctl_type type, union ctl_value *v)
{
	uint64_t n;

	if (!parse_digits(s, &n))
		return false;
	if (type == CTL_UNSIGNED || type == CTL_UINT32) {
		v->u32 = (uint32_t)n;
		return n <= UINT32_MAX;
	}
	v->u64 = n;
	return true;
}

static bool
parse_bool(const char *s, bool *out)
{
	*out = strcmp(s, "true") == 0;
	return *out || strcmp(s, "false") == 0;
}

static bool
parse_value(enum ctl_type type, const char *s, union ctl_value *v)
{
	memset(v, 0, sizeof *v);
	switch (type) {
	case CTL_VOID:
		return *s == '\0';
	case CTL_BOOL:
		return parse_bool(s, &v->is);
	case CTL_SSIZE:
		return parse_signed(s, &v->ssize);
	case CTL_STRING:
		v->words = s;
		return true;
	case CTL_POINTER:
		return false;
	default:
		return parse_unsigned(s, type, v);
	}
}

int
ctl_write_text(const char *name, const char *value)
{
	union ctl_value v;
	struct ctl_call c;
	int err = find_for_people(name, &c);

	if (err != 0)
		return err;
	if (c.row->write == NULL)
		return EPERM;
	if (!parse_value(c.row->type, value, &v))
		return EINVAL;
	return c.row->write(&c, &v);
}

/* --- the list -------------------------------------------------------------------- */

void
ctl_list(void (*each)(const char *name, enum ctl_type type, bool is_writable,
		      void *arg),
	 void *arg)
{
	for (size_t i = 0; i < ctl_nrows; i++) {
		const struct ctl_row *row = &ctl_rows[i];

		if (!ctl_is_absent(row))
			each(row->name, row->type,
			     row->write != NULL || row->all != NULL, arg);
	}
}

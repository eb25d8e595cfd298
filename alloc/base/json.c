/*
 * json.c -- see json.h.
 */
#include <string.h>

#include "check.h"
#include "json.h"

/* Members of the outermost values begin a line each. */
#define LINES_DEPTH 2u

void
json_init(struct json *j, struct text *out)
{
	*j = (struct json){ .out = out };
}

/* --- strings ---------------------------------------------------------------- */

/* How many bytes follow the first one of a character; -1: it is none. */
static int
utf8_rest(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

/* Too long a form, half of a surrogate pair, or beyond the last character. */
static bool
utf8_is_forbidden(const unsigned char *s)
{
	return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	       (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f);
}

/* Bytes of the character at s, which ends with a NUL; 0: it is none. */
static size_t
utf8_length(const unsigned char *s)
{
	int rest = utf8_rest(s[0]);

	for (int i = 1; i <= rest; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if (rest < 0 || (rest > 0 && utf8_is_forbidden(s)))
		return 0;
	return (size_t)rest + 1;
}

static void
put_control(struct text *t, unsigned char c)
{
	char u[] = "\\u0000";

	u[4] = "0123456789abcdef"[c >> 4];
	u[5] = "0123456789abcdef"[c & 15];
	text_str(t, u);
}

/* Writes the character at s; returns its bytes. */
static size_t
put_character(struct text *t, const char *s)
{
	unsigned char c = (unsigned char)*s;
	size_t n = utf8_length((const unsigned char *)s);

	if (n == 0) {
		text_str(t, "\xef\xbf\xbd");
		return 1;
	}
	if (c == '"' || c == '\\')
		text_str(t, "\\");
	if (c < 0x20 || c == 0x7f)
		put_control(t, c);
	else
		text_mem(t, s, n);
	return n;
}

static void
put_string(struct text *t, const char *s)
{
	text_str(t, "\"");
	while (*s != '\0')
		s += put_character(t, s);
	text_str(t, "\"");
}

/* --- values -------------------------------------------------------------------- */

/* What stands in front of a value: a comma, a line feed, its key. */
static void
begin_value(struct json *j, const char *key)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	invariant(j->depth == 0 || (key == NULL) == !!(j->is_array & bit));
	if (j->has_members & bit)
		text_str(j->out, ",");
	j->has_members |= bit;
	if (j->depth > 0 && j->depth <= LINES_DEPTH)
		text_str(j->out, "\n");
	if (key == NULL)
		return;
	put_string(j->out, key);
	text_str(j->out, ":");
}

static void
open_value(struct json *j, const char *key, bool is_array)
{
	uint32_t bit;

	begin_value(j, key);
	invariant(j->depth + 1 < JSON_DEPTH_MAX);
	bit = UINT32_C(1) << ++j->depth;
	j->has_members &= ~bit;
	j->is_array = is_array ? j->is_array | bit : j->is_array & ~bit;
	text_str(j->out, is_array ? "[" : "{");
}

void
json_object(struct json *j, const char *key)
{
	open_value(j, key, false);
}

void
json_array(struct json *j, const char *key)
{
	open_value(j, key, true);
}

void
json_end(struct json *j)
{
	bool is_array = j->is_array >> j->depth & 1;

	invariant(j->depth > 0);
	j->depth--;
	text_str(j->out, is_array ? "]" : "}");
	if (j->depth == 0)
		text_str(j->out, "\n");
}

void
json_raw(struct json *j, const char *key)
{
	begin_value(j, key);
}

void
json_uint(struct json *j, const char *key, uint64_t n)
{
	begin_value(j, key);
	text_uint(j->out, n);
}

void
json_int(struct json *j, const char *key, int64_t n)
{
	begin_value(j, key);
	text_int(j->out, n);
}

void
json_bool(struct json *j, const char *key, bool yes)
{
	begin_value(j, key);
	text_str(j->out, yes ? "true" : "false");
}

void
json_string(struct json *j, const char *key, const char *s)
{
	begin_value(j, key);
	put_string(j->out, s);
}

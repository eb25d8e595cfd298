/*
 * text.c -- patterns of paths, and JSON's strings, against plain versions of
 * the same.
 *
 * The first byte says which. A pattern: pid, number, time, room, the pattern. A
 * string: all that follows.
 */
#include <time.h>

#include "base/json.h"
#include "base/pattern.h"
#include "fuzz.h"

/* --- patterns ---------------------------------------------------------------- */

static void
write_time(FILE *out, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char buf[32];

	gmtime_r(&seconds, &tm);
	strftime(buf, sizeof buf, "%Y%m%dT%H%M%S", &tm);
	fprintf(out, "%s.%03uZ", buf, (unsigned)(ms % 1000));
}

static char *
expand_plainly(const char *pattern, const struct pattern *v)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (const char *c = pattern; *c != '\0'; c++) {
		bool is_letter = c[0] == '%' && c[1] != '\0' &&
				 strchr("pnt%", c[1]) != NULL;

		if (!is_letter) {
			fputc(*c, out);
			continue;
		}
		c++;
		if (*c == 'p')
			fprintf(out, "%d", v->pid);
		else if (*c == 'n')
			fprintf(out, "%llu", (unsigned long long)v->n);
		else if (*c == 't')
			write_time(out, v->time_ms);
		else
			fputc('%', out);
	}
	fclose(out);
	return text;
}

static void
try_pattern(struct input *in)
{
	struct pattern v = { .pid = (int)take_number(in, 4),
			     .n = take_number(in, 8) };
	/* Years of four digits. */
	uint64_t ms = take_number(in, 6) % UINT64_C(253402300800000);
	size_t cap = (size_t)take_number(in, 2) % 2048;
	char *buf = malloc(cap + 1), *pattern, *plain;
	struct text t;

	v.time_ms = ms;
	pattern = take_until(in, '\0', NULL);
	plain = expand_plainly(pattern, &v);
	text_init(&t, buf, cap);
	pattern_expand(&t, pattern, &v);
	must(t.len <= cap);
	must(t.lost == (strlen(plain) > cap));
	must(t.lost ||
	     (t.len == strlen(plain) && memcmp(buf, plain, t.len) == 0));
	if (pattern_has(pattern, 'p')) {
		free(plain);
		v.pid = ~v.pid;
		plain = expand_plainly(pattern, &v);
		must(t.lost || t.len != strlen(plain) ||
		     memcmp(buf, plain, t.len) != 0);
	}
	free(plain);
	free(pattern);
	free(buf);
}

/* --- JSON ------------------------------------------------------------------------ */

/* Bytes of the character of UTF-8 at s, as RFC 3629's table has it; 0: none. */
static size_t
utf8_bytes(const uint8_t *s, size_t left)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (n == 1)
		return 1;
	if (s[0] < 0xc0 || s[0] > 0xf7 || n > left)
		return 0;
	c = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < (n == 2   ? 0x80u
		 : n == 3 ? 0x800u
			  : 0x10000u) ||
	    c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

/* One character of a string of JSON back to bytes; how many were read. */
static size_t
read_escape(const char *at, size_t left, char *out)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	unsigned code;

	must(left >= 2);
	if (at[1] == 'u') {
		must(left >= 6 && sscanf(at + 2, "%4x", &code) == 1);
		must(code < 0x20 || code == 0x7f);
		*out = (char)code;
		return 6;
	}
	letter = strchr(letters, at[1]);
	must(at[1] != '\0' && letter != NULL);
	*out = means[letter - letters];
	return 2;
}

/* What a reader makes of it, terminated; each byte is looked at. */
static size_t
read_string(const char *json, size_t len, char *out)
{
	size_t at = 1, n = 0;

	must(len >= 2 && json[0] == '"' && json[len - 1] == '"');
	while (at < len - 1) {
		size_t bytes = utf8_bytes((const uint8_t *)json + at,
					  len - 1 - at);

		must(bytes > 0 && (uint8_t)json[at] >= 0x20);
		must(json[at] != '"');
		if (json[at] == '\\') {
			at += read_escape(json + at, len - 1 - at, &out[n++]);
			continue;
		}
		memcpy(out + n, json + at, bytes);
		n += bytes;
		at += bytes;
	}
	must(at == len - 1);
	return n;
}

static bool
is_utf8(const char *s)
{
	size_t len = strlen(s), n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_bytes((const uint8_t *)s + at, len - at);
		if (n == 0)
			return false;
	}
	return true;
}

static void
try_json(struct input *in)
{
	char *s = take_until(in, '\0', NULL);
	size_t cap = 6 * strlen(s) + 2, n;
	char *buf = calloc(1, cap + 1), *back = malloc(cap);
	struct text t;
	struct json j;

	text_init(&t, buf, cap);
	json_init(&j, &t);
	json_string(&j, NULL, s);
	must(!t.lost);
	n = read_string(buf, t.len, back);
	if (is_utf8(s))
		must(n == strlen(s) && memcmp(back, s, n) == 0);
	free(back);
	free(buf);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (take_byte(&in) % 2 == 0)
		try_pattern(&in);
	else
		try_json(&in);
	return 0;
}

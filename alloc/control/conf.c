/*
 * conf.c -- see conf.h.
 */
#include <string.h>

#include "../base/check.h"
#include "../base/options.h"
#include "conf.h"
#include "ctl.h"

enum conf_kind {
	CONF_flag,
	CONF_number,
	CONF_log2,
	CONF_word,
	CONF_muzzy,
	CONF_junk,
	CONF_zero,
	CONF_none,
};

static const struct conf_row {
	const char *key;
	const char *option; /* ours */
	const char *already;
	enum conf_kind kind;
} rows[] = {
#define CONF(key, kind, option, already) { key, option, already, CONF_##kind },
#include "conf.def"
#undef CONF
};

#define NROWS (sizeof rows / sizeof rows[0])

struct pair {
	const char *key, *value;
	size_t key_len, value_len;
};

static const struct conf_row *
find_row(const struct pair *p)
{
	for (size_t i = 0; i < NROWS; i++) {
		if (strlen(rows[i].key) == p->key_len &&
		    memcmp(rows[i].key, p->key, p->key_len) == 0)
			return &rows[i];
	}
	return NULL;
}

static bool
is_word(const struct pair *p, const char *word)
{
	return strlen(word) == p->value_len &&
	       memcmp(p->value, word, p->value_len) == 0;
}

/* --- values ------------------------------------------------------------------------ */

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* As strtoimax with base 0: 0x for sixteen, 0 for eight. */
static bool
parse_number(const struct pair *p, int64_t *out)
{
	const char *at = p->value, *end = at + p->value_len;
	bool is_negative = at < end && *at == '-';
	int64_t n = 0;
	int radix = 10;

	at += is_negative;
	if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x') {
		radix = 16;
		at += 2;
	} else if (end - at > 1 && at[0] == '0') {
		radix = 8;
	}
	if (at == end)
		return false;
	for (; at < end; at++) {
		if (digit(*at) >= radix ||
		    __builtin_mul_overflow(n, (int64_t)radix, &n) ||
		    __builtin_add_overflow(n, (int64_t)digit(*at), &n))
			return false;
	}
	*out = is_negative ? -n : n;
	return true;
}

static const struct option_row *
find_option(const char *name)
{
	size_t nrows;
	const struct option_row *row = options_table(&nrows);

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

/* The nearest value that our option can have; below 0 means never, or none. */
static bool
set_number(const struct conf_row *row, int64_t n)
{
	const struct option_row *o = find_option(row->option);

	if (n < -1 || (n == -1 && o->min >= 0))
		return false;
	if (n < o->min)
		n = o->min;
	if (n > o->max)
		n = o->max;
	return options_set(o->name, n);
}

static bool
set_log2(const struct conf_row *row, const struct pair *p)
{
	int64_t n;

	return parse_number(p, &n) && n >= 0 && n < 63 &&
	       set_number(row, INT64_C(1) << n);
}

static bool
set_flag(const struct conf_row *row, const struct pair *p)
{
	bool is_true = is_word(p, "true");

	return (is_true || is_word(p, "false")) &&
	       options_set(row->option, is_true);
}

/* There are no muzzy pages; whoever asks is told what was set. */
static bool
set_muzzy(const struct pair *p)
{
	int64_t n;

	return parse_number(p, &n) && ctl_by_name("arenas.muzzy_decay_ms", NULL,
						  NULL, &n, sizeof n) == 0;
}

/*
 * What blocks are filled with, as the pairs so far say: where new ones are to
 * be junk and zeros it is junk. What is not wished stays as `check` says.
 */
static struct {
	bool junks_new, junks_freed, zeros_new;
} fills;

static bool
set_fills(void)
{
	int64_t zeros = fills.zeros_new ? JUNK_ZERO : JUNK_AUTO;

	return options_set("junk", fills.junks_new ? JUNK_ON : zeros) &&
	       options_set("poison",
			   fills.junks_freed ? SWITCH_ON : SWITCH_AUTO);
}

static bool
set_junk(const struct pair *p)
{
	bool is_both = is_word(p, "true"), is_new = is_word(p, "alloc"),
	     is_freed = is_word(p, "free");

	if (!is_both && !is_new && !is_freed && !is_word(p, "false"))
		return false;
	fills.junks_new = is_both || is_new;
	fills.junks_freed = is_both || is_freed;
	return set_fills();
}

static bool
set_zero(const struct pair *p)
{
	bool is_true = is_word(p, "true");

	if (!is_true && !is_word(p, "false"))
		return false;
	fills.zeros_new = is_true;
	return set_fills();
}

static bool
set_choice(const struct conf_row *row, const struct pair *p)
{
	const char *words = find_option(row->option)->unit;

	for (int64_t i = 0; *words != '\0'; i++) {
		size_t len = strcspn(words, "|");

		if (len == p->value_len && memcmp(words, p->value, len) == 0)
			return options_set(row->option, i);
		words += len + (words[len] == '|');
	}
	return false;
}

static bool
set(const struct conf_row *row, const struct pair *p)
{
	int64_t n;

	switch (row->kind) {
	case CONF_flag:
		return set_flag(row, p);
	case CONF_number:
		return parse_number(p, &n) && set_number(row, n);
	case CONF_log2:
		return set_log2(row, p);
	case CONF_word:
		return set_choice(row, p);
	case CONF_muzzy:
		return set_muzzy(p);
	case CONF_junk:
		return set_junk(p);
	case CONF_zero:
		return set_zero(p);
	case CONF_none:
		break;
	}
	return true;
}

/* --- notices ------------------------------------------------------------------------ */

static void
notice_begin(struct text *t, char *buf, size_t cap, const char *source)
{
	text_init(t, buf, cap - 1);
	text_str(t, source);
	text_str(t, ": ");
}

static void
notice_end(struct text *t)
{
	t->buf[t->len] = '\0';
	complain(t->buf);
}

static void
complain_key(const char *source, const struct pair *p)
{
	char buf[160];
	struct text t;

	notice_begin(&t, buf, sizeof buf, source);
	text_str(&t, "no option is named '");
	text_mem(&t, p->key, min_size(p->key_len, 64));
	text_str(&t, "'; it is left out");
	notice_end(&t);
}

static void
complain_value(const char *source, const struct pair *p)
{
	char buf[224];
	struct text t;

	notice_begin(&t, buf, sizeof buf, source);
	text_str(&t, "'");
	text_mem(&t, p->value, min_size(p->value_len, 64));
	text_str(&t, "' is no value of ");
	text_mem(&t, p->key, min_size(p->key_len, 64));
	text_str(&t, "; it is left out");
	notice_end(&t);
}

/* --- all pairs ----------------------------------------------------------------------- */

static struct pair
next_pair(const char **conf)
{
	size_t len = strcspn(*conf, ",");
	const char *colon = memchr(*conf, ':', len);
	struct pair p = { *conf, *conf + len, len, 0 };

	if (colon != NULL) {
		p.key_len = (size_t)(colon - *conf);
		p.value = colon + 1;
		p.value_len = len - p.key_len - 1;
	}
	*conf += len + ((*conf)[len] == ',');
	return p;
}

/* A key without a meaning here is noted for the one line about all of them. */
static void
note_idle(struct text *idle, const struct conf_row *row, const struct pair *p)
{
	if (row->kind != CONF_none ||
	    (*row->already != '\0' && is_word(p, row->already)))
		return;
	text_str(idle, idle->len == 0 ? "" : ", ");
	text_str(idle, row->key);
}

void
conf_parse(const char *source, const char *conf)
{
	char keys[256], buf[384];
	struct text idle, t;

	text_init(&idle, keys, sizeof keys);
	while (*conf != '\0') {
		struct pair p = next_pair(&conf);
		const struct conf_row *row = find_row(&p);

		if (p.key_len + p.value_len == 0)
			continue;
		if (row == NULL)
			complain_key(source, &p);
		else if (!set(row, &p))
			complain_value(source, &p);
		else
			note_idle(&idle, row, &p);
	}
	if (idle.len == 0)
		return;
	notice_begin(&t, buf, sizeof buf, source);
	text_str(&t, "accepted without effect: ");
	text_mem(&t, keys, idle.len);
	notice_end(&t);
}

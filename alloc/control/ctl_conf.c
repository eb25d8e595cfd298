/*
 * ctl_conf.c -- config.*, opt.* and trimalloc.options.*: what was decided when
 * the library was built, when the process began, and since.
 */
#include <errno.h>
#include <string.h>

#include "../base/options.h"
#include "../pages/bell.h"
#include "ctl_row.h"

int
ctl_constant(const struct ctl_call *c, union ctl_value *v)
{
	v->u64 = c->row->arg;
	return 0;
}

int
ctl_words(const struct ctl_call *c, union ctl_value *v)
{
	v->words = (const char *)c->row->arg;
	return 0;
}

/* --- options ------------------------------------------------------------------------ */

static const struct option_row *
option_row(const struct ctl_call *c)
{
	size_t nrows;

	return &options_table(&nrows)[c->row->arg];
}

#define NOPTIONS    (sizeof(struct options) / sizeof(int64_t))
#define WORDS_BYTES 64

/*
 * The words of choices, each terminated, and the names of signals, which
 * callers keep pointers to: written once, under LOCK_CTL.
 */
static char words[NOPTIONS][WORDS_BYTES];

static void
fill_words_locked(char *out, const struct option_row *row)
{
	struct text t;

	text_init(&t, out, WORDS_BYTES - 2);
	if (row->kind == OPTION_SIGNAL)
		text_option(&t, row);
	else
		text_str(&t, row->unit);
	for (size_t i = 0; i < t.len; i++) {
		if (out[i] == '|')
			out[i] = '\0';
	}
}

static const char *
option_words(const struct option_row *row)
{
	size_t nrows;
	char *word = words[row - options_table(&nrows)];

	ctl_lock();
	if (*word == '\0')
		fill_words_locked(word, row);
	ctl_unlock();
	if (row->kind == OPTION_SIGNAL)
		return word;
	for (int64_t i = options_get(row); i > 0; i--)
		word += strlen(word) + 1;
	return word;
}

int
ctl_option_read(const struct ctl_call *c, union ctl_value *v)
{
	const struct option_row *row = option_row(c);

	switch (row->kind) {
	case OPTION_BOOLEAN:
		v->is = options_get(row) != 0;
		break;
	case OPTION_CHOICE:
	case OPTION_SIGNAL:
		v->words = option_words(row);
		break;
	case OPTION_STRING:
		v->words = row->text;
		break;
	default:
		v->ssize = (ssize_t)options_get(row);
	}
	return 0;
}

/* The place of a word among those of a choice; -1. */
static int64_t
choice_of(const struct option_row *row, const char *word)
{
	const char *at = row->unit;
	size_t len;

	for (int64_t i = 0; word != NULL; i++) {
		len = strcspn(at, "|");
		if (strlen(word) == len && memcmp(word, at, len) == 0)
			return i;
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	return -1;
}

int
ctl_option_write(const struct ctl_call *c, const union ctl_value *v)
{
	const struct option_row *row = option_row(c);
	int64_t n = v->ssize;

	if (row->kind == OPTION_BOOLEAN)
		n = v->is;
	if (row->kind == OPTION_CHOICE)
		n = choice_of(row, v->words);
	if (!options_set(row->name, n))
		return EINVAL;
	/* Whoever sleeps is to go by it from now on. */
	bell_dismiss();
	return 0;
}

/* --- what blocks are filled with ----------------------------------------------------- */

int
ctl_junk_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	bool is_full = option(check) == CHECK_FULL;
	bool is_new = option(junk) == JUNK_ON ||
		      (option(junk) == JUNK_AUTO && is_full);
	bool is_freed = option(poison) == SWITCH_ON ||
			(option(poison) == SWITCH_AUTO && is_full);

	if (is_new)
		v->words = is_freed ? "true" : "alloc";
	else
		v->words = is_freed ? "free" : "false";
	return 0;
}

int
ctl_zero_read(const struct ctl_call *c UNUSED, union ctl_value *v)
{
	v->is = option(junk) == JUNK_ZERO;
	return 0;
}

/*
 * options.c -- see options.h.
 */
#include <signal.h>
#include <string.h>

#include "check.h"
#include "options.h"
#include "signals.h"

struct options tri_options = {
#define OPTION(name, kind, value, min, max, unit, help) .name = (value),
#include "options.def"
#undef OPTION
};

#define KIND_boolean OPTION_BOOLEAN
#define KIND_count   OPTION_COUNT
#define KIND_period  OPTION_PERIOD
#define KIND_choice  OPTION_CHOICE
#define KIND_signal  OPTION_SIGNAL
#define KIND_string  OPTION_STRING

struct option_texts tri_option_texts;

#define TEXT_boolean(name) NULL
#define TEXT_count(name)   NULL
#define TEXT_period(name)  NULL
#define TEXT_choice(name)  NULL
#define TEXT_signal(name)  NULL
#define TEXT_string(name)  tri_option_texts.name

static const struct option_row table[] = {
#define OPTION(name, kind, value, min, max, unit, help) \
	{ #name,                                        \
	  unit,                                         \
	  help,                                         \
	  value,                                        \
	  min,                                          \
	  max,                                          \
	  TEXT_##kind(name),                            \
	  offsetof(struct options, name),               \
	  KIND_##kind },
#include "options.def"
#undef OPTION
};

#define NROWS (sizeof table / sizeof table[0])

/* A piece of the configuration string: not terminated. */
struct piece {
	const char *at;
	size_t len;
};

const struct option_row *
options_table(size_t *nrows)
{
	*nrows = NROWS;
	return table;
}

static _Atomic int64_t *
row_value(const struct option_row *row)
{
	return (_Atomic int64_t *)(void *)((char *)&tri_options + row->offset);
}

int64_t
options_get(const struct option_row *row)
{
	/* Relaxed: see option(). */
	return atomic_load_explicit(row_value(row), memory_order_relaxed);
}

static bool
piece_is(struct piece p, const char *word)
{
	return p.len == strlen(word) && memcmp(p.at, word, p.len) == 0;
}

static const struct option_row *
row_find(struct piece key)
{
	for (size_t i = 0; i < NROWS; i++) {
		if (piece_is(key, table[i].name))
			return &table[i];
	}
	return NULL;
}

/* K, M and G as powers of 1,024; 0 for anything else. */
static int64_t
unit_factor(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return (int64_t)KIB;
	case 'm':
	case 'M':
		return (int64_t)MIB;
	case 'g':
	case 'G':
		return (int64_t)GIB;
	default:
		return 0;
	}
}

static bool
parse_number(struct piece p, int64_t *out)
{
	bool negative = p.len > 0 && p.at[0] == '-';
	size_t i = negative;
	int64_t n = 0;

	if (i == p.len)
		return false;
	for (; i < p.len && p.at[i] >= '0' && p.at[i] <= '9'; i++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, p.at[i] - '0', &n))
			return false;
	}
	if (i == (size_t)negative)
		return false;
	if (i + 1 == p.len && unit_factor(p.at[i]) != 0) {
		if (__builtin_mul_overflow(n, unit_factor(p.at[i]), &n))
			return false;
		i++;
	}
	*out = negative ? -n : n;
	return i == p.len;
}

/* The word number i of "never|default|always"; len is 0 behind the last. */
static struct piece
choice_word(const struct option_row *row, int64_t i)
{
	struct piece word = { row->unit, strcspn(row->unit, "|") };

	for (; i > 0 && word.len > 0; i--) {
		word.at += word.len + (word.at[word.len] == '|');
		word.len = strcspn(word.at, "|");
	}
	return word;
}

static bool
parse_choice(const struct option_row *row, struct piece p, int64_t *out)
{
	struct piece word;

	for (*out = 0; (word = choice_word(row, *out)).len > 0; ++*out) {
		if (word.len == p.len && memcmp(word.at, p.at, p.len) == 0)
			return true;
	}
	return false;
}

/* A name, or a number without a unit. */
static bool
parse_signal(struct piece p, int64_t *out)
{
	*out = signal_by_name(p.at, p.len);
	return *out != 0 || (p.len > 0 && unit_factor(p.at[p.len - 1]) == 0 &&
			     parse_number(p, out));
}

/* Of all kinds but a string. */
static bool
parse_value(const struct option_row *row, struct piece p, int64_t *out)
{
	switch (row->kind) {
	case OPTION_CHOICE:
		return parse_choice(row, p, out);
	case OPTION_SIGNAL:
		return parse_signal(p, out);
	case OPTION_BOOLEAN:
		*out = piece_is(p, "true");
		return *out || piece_is(p, "false");
	default:
		return parse_number(p, out);
	}
}

static void
complain_key(struct piece key)
{
	char buf[256];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, "TRIMALLOC_CONF: no option is named '");
	text_mem(&t, key.at, min_size(key.len, 64));
	text_str(&t, "'; it is left out");
	buf[t.len] = '\0';
	complain(buf);
}

static void
text_value(struct text *t, const struct option_row *row, int64_t value)
{
	struct piece word;

	switch (row->kind) {
	case OPTION_CHOICE:
		word = choice_word(row, value);
		text_mem(t, word.at, word.len);
		break;
	case OPTION_BOOLEAN:
		text_str(t, value ? "true" : "false");
		break;
	case OPTION_SIGNAL:
		text_signal(t, (int)value);
		break;
	case OPTION_STRING:
		text_mem(t, row->text, (size_t)value);
		break;
	default:
		text_int(t, value);
	}
}

void
text_option(struct text *t, const struct option_row *row)
{
	text_value(t, row, options_get(row));
}

/* "a number from 0 to 64 (arenas)" */
static void
text_range(struct text *t, const struct option_row *row)
{
	text_str(t, "a number from ");
	text_int(t, row->min);
	text_str(t, " to ");
	text_int(t, row->max);
	text_str(t, " (");
	text_str(t, row->unit);
	text_str(t, ")");
}

/* What a row takes, for whoever wrote something else. */
static void
text_wanted(struct text *t, const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_BOOLEAN:
		text_str(t, "true or false");
		break;
	case OPTION_CHOICE:
		text_str(t, row->unit);
		break;
	case OPTION_SIGNAL:
		text_str(t, "the name or number of a signal that may be "
			    "caught, or 0");
		break;
	case OPTION_STRING:
		text_str(t, "a ");
		text_str(t, row->unit);
		text_str(t, " of at most ");
		text_int(t, row->max);
		text_str(t, " bytes");
		break;
	default:
		text_range(t, row);
	}
}

static void
complain_value(const struct option_row *row, struct piece value)
{
	char buf[384];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, "TRIMALLOC_CONF: ");
	text_str(&t, row->name);
	text_str(&t, " takes ");
	text_wanted(&t, row);
	text_str(&t, ", not '");
	text_mem(&t, value.at, min_size(value.len, 64));
	text_str(&t, "'; it stays ");
	if (row->kind == OPTION_STRING)
		text_str(&t, "as it was");
	else
		text_option(&t, row);
	buf[t.len] = '\0';
	complain(buf);
}

static bool
row_set(const struct option_row *row, int64_t value)
{
	if (value < row->min || value > row->max)
		return false;
	if (row->kind == OPTION_SIGNAL && !signal_may_be_caught((int)value))
		return false;
	/* Relaxed: see option(). */
	atomic_store_explicit(row_value(row), value, memory_order_relaxed);
	return true;
}

static_assert(OPTION_TEXT_BYTES > 511, "each string's bound and its end fit");

static bool
row_set_text(const struct option_row *row, struct piece p)
{
	if (!row_set(row, (int64_t)p.len))
		return false;
	memcpy(row->text, p.at, p.len);
	row->text[p.len] = '\0';
	return true;
}

bool
options_set(const char *name, int64_t value)
{
	const struct option_row *row = row_find(
		(struct piece){ name, strlen(name) });

	return row != NULL && row->kind != OPTION_STRING && row_set(row, value);
}

/* The table, for a person. */
static void
write_help(void)
{
	char buf[256];
	struct text t;

	complain("options are set by TRIMALLOC_CONF=key:value,key:value");
	for (size_t i = 0; i < NROWS; i++) {
		const struct option_row *row = &table[i];

		text_init(&t, buf, sizeof buf - 1);
		text_str(&t, row->name);
		text_str(&t, " (");
		if (row->kind == OPTION_STRING)
			text_str(&t, "none");
		else
			text_value(&t, row, row->value);
		text_str(&t, "): ");
		text_str(&t, row->help);
		buf[t.len] = '\0';
		complain(buf);
	}
}

/* One "key:value"; says what is wrong with it and returns whether it was right. */
static bool
parse_pair(struct piece pair)
{
	const char *colon = memchr(pair.at, ':', pair.len);
	struct piece key = { pair.at, pair.len };
	struct piece value = { pair.at + pair.len, 0 };
	const struct option_row *row;
	int64_t n;

	if (colon != NULL) {
		key.len = (size_t)(colon - pair.at);
		value.at = colon + 1;
		value.len = pair.len - key.len - 1;
	}
	if (piece_is(pair, "help")) {
		write_help();
		return true;
	}
	row = row_find(key);
	if (row == NULL) {
		complain_key(key);
		return false;
	}
	if (row->kind == OPTION_STRING
		    ? colon != NULL && row_set_text(row, value)
		    : parse_value(row, value, &n) && row_set(row, n))
		return true;
	complain_value(row, value);
	return false;
}

unsigned
options_parse(const char *conf)
{
	unsigned wrong = 0;

	while (*conf != '\0') {
		size_t len = strcspn(conf, ",");

		if (len > 0 && !parse_pair((struct piece){ conf, len }))
			wrong++;
		conf += len + (conf[len] == ',');
	}
	return wrong;
}

/*
 * options.c -- see options.h.
 */
#include <string.h>

#include "check.h"
#include "options.h"

struct options tri_options = {
#define OPTION(name, kind, value, min, max, unit, help) .name = (value),
#include "options.def"
#undef OPTION
};

#define KIND_boolean OPTION_BOOLEAN
#define KIND_count   OPTION_COUNT
#define KIND_period  OPTION_PERIOD
#define KIND_choice  OPTION_CHOICE

static const struct option_row table[] = {
#define OPTION(name, kind, value, min, max, unit, help) \
	{ #name,                                        \
	  unit,                                         \
	  help,                                         \
	  value,                                        \
	  min,                                          \
	  max,                                          \
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

static bool
parse_value(const struct option_row *row, struct piece p, int64_t *out)
{
	if (row->kind == OPTION_CHOICE)
		return parse_choice(row, p, out);
	if (row->kind != OPTION_BOOLEAN)
		return parse_number(p, out);
	*out = piece_is(p, "true");
	return *out || piece_is(p, "false");
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

	if (row->kind == OPTION_CHOICE) {
		word = choice_word(row, value);
		text_mem(t, word.at, word.len);
	} else if (row->kind == OPTION_BOOLEAN) {
		text_str(t, value ? "true" : "false");
	} else {
		text_int(t, value);
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
	if (row->kind == OPTION_BOOLEAN) {
		text_str(&t, "true or false");
	} else if (row->kind == OPTION_CHOICE) {
		text_str(&t, row->unit);
	} else {
		text_str(&t, "a number from ");
		text_int(&t, row->min);
		text_str(&t, " to ");
		text_int(&t, row->max);
		text_str(&t, " (");
		text_str(&t, row->unit);
		text_str(&t, ")");
	}
	text_str(&t, ", not '");
	text_mem(&t, value.at, min_size(value.len, 64));
	text_str(&t, "'; it stays ");
	text_value(&t, row, options_get(row));
	buf[t.len] = '\0';
	complain(buf);
}

static bool
row_set(const struct option_row *row, int64_t value)
{
	if (value < row->min || value > row->max)
		return false;
	/* Relaxed: see option(). */
	atomic_store_explicit(row_value(row), value, memory_order_relaxed);
	return true;
}

bool
options_set(const char *name, int64_t value)
{
	const struct option_row *row = row_find(
		(struct piece){ name, strlen(name) });

	return row != NULL && row_set(row, value);
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
	if (!parse_value(row, value, &n) || !row_set(row, n)) {
		complain_value(row, value);
		return false;
	}
	return true;
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

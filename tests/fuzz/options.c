/*
 * options.c -- TRIMALLOC_CONF and MALLOC_CONF.
 *
 * The input is MALLOC_CONF, a zero, and TRIMALLOC_CONF. Whatever they are, each
 * value stays within its bounds, a wrong pair changes nothing, pairs count one
 * after the other, and each value can be written so that it is read back.
 */
#include "base/check.h"
#include "base/options.h"
#include "base/signals.h"
#include "control/conf.h"
#include "fuzz.h"

void __wrap_complain(const char *sentence);

static struct options default_values;
static struct option_texts default_texts;
static const struct option_row *rows;
static size_t nrows, ncomplaints;

/* Instead of standard error. */
void
__wrap_complain(const char *sentence)
{
	size_t len = strlen(sentence);

	ncomplaints++;
	must(len > 0 && len < 400);
}

static void
remember_defaults(void)
{
	if (rows != NULL)
		return;
	rows = options_table(&nrows);
	memcpy((void *)&default_values, (void *)&tri_options,
	       sizeof default_values);
	default_texts = tri_option_texts;
}

static void
restore(const struct options *values, const struct option_texts *texts)
{
	memcpy((void *)&tri_options, (const void *)values, sizeof tri_options);
	tri_option_texts = *texts;
}

static void
look_at(const struct option_row *row)
{
	int64_t value = options_get(row);

	must(value >= row->min && value <= row->max);
	if (row->kind == OPTION_SIGNAL)
		must(signal_may_be_caught((int)value));
	if (row->kind != OPTION_STRING)
		return;
	must(value < OPTION_TEXT_BYTES);
	must(strlen(row->text) == (size_t)value);
}

/* What text_option() says is read as the same value. */
static void
write_and_read(const struct option_row *row)
{
	int64_t value = options_get(row);
	char buf[OPTION_TEXT_BYTES + 64];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, row->name);
	text_str(&t, ":");
	text_option(&t, row);
	must(!t.lost);
	buf[t.len] = '\0';
	must(options_parse(buf) == 0);
	must(options_get(row) == value);
}

static void
look_at_all(void)
{
	for (size_t i = 0; i < nrows; i++)
		look_at(&rows[i]);
	for (size_t i = 0; i < nrows; i++)
		write_and_read(&rows[i]);
}

static bool
is_same(const struct options *values, const struct option_texts *texts)
{
	for (size_t i = 0; i < nrows; i++) {
		const char *before = (const char *)values + rows[i].offset;
		int64_t now = options_get(&rows[i]);

		if (memcmp(before, &now, sizeof now) != 0)
			return false;
		if (rows[i].text != NULL &&
		    strcmp(rows[i].text,
			   (const char *)texts + (rows[i].text -
						  (char *)&tri_option_texts)) !=
			    0)
			return false;
	}
	return true;
}

/* One pair: a wrong one is complained about, and changes nothing. */
static unsigned
parse_pair(struct input *pairs)
{
	struct options values;
	struct option_texts texts = tri_option_texts;
	size_t before = ncomplaints;
	char *pair = take_until(pairs, ',', NULL);
	unsigned wrong;

	memcpy((void *)&values, (void *)&tri_options, sizeof values);
	wrong = options_parse(pair);
	must(wrong <= 1);
	if (wrong > 0)
		must(ncomplaints == before + 1 && is_same(&values, &texts));
	free(pair);
	return wrong;
}

/* All at once is the same as one after the other. */
static void
parse_ours(const char *conf)
{
	struct options before, after;
	struct option_texts texts_before = tri_option_texts, texts_after;
	struct input pairs = { (const uint8_t *)conf, strlen(conf) };
	unsigned wrong;

	memcpy((void *)&before, (void *)&tri_options, sizeof before);
	wrong = options_parse(conf);
	memcpy((void *)&after, (void *)&tri_options, sizeof after);
	texts_after = tri_option_texts;
	restore(&before, &texts_before);
	while (pairs.left > 0)
		wrong -= parse_pair(&pairs);
	must(wrong == 0);
	must(is_same(&after, &texts_after));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *theirs, *ours;

	remember_defaults();
	restore(&default_values, &default_texts);
	theirs = take_until(&in, '\0', NULL);
	ours = take_until(&in, '\0', NULL);
	conf_parse("MALLOC_CONF", theirs);
	look_at_all();
	parse_ours(ours);
	look_at_all();
	free(theirs);
	free(ours);
	return 0;
}

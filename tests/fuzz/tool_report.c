/*
 * tool_report.c -- what the command makes of a report in JSON that a hostile
 * process wrote: metrics, changes, pictures.
 *
 * The input is two texts with a zero between them. Whatever they are, what is
 * printed has no byte that steers a terminal, and metrics keep their format.
 */
#include <ctype.h>
#include <locale.h>

#include "../../tools/trimalloc/diff.h"
#include "../../tools/trimalloc/frame.h"
#include "../../tools/trimalloc/metrics.h"
#include "fuzz.h"

const struct command *command;

static struct proc proc = { .pid = 7, .threads = 3, .comm = "java \"\\\n" };

/* --- what is printed ----------------------------------------------------------------- */

static void
check_printable(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;

		must(byte >= ' ' || byte == '\n' || byte == '\t');
		must(byte != 0x7f);
		/* U+0080 to U+009F. */
		must(byte != 0xc2 || (unsigned char)c[1] >= 0xa0);
	}
}

/* name{label="value",...} number */
static void
check_sample(const char *line)
{
	const char *c = line;
	char *end;

	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	must(c > line);
	while (*c == '{' || *c == ',') {
		for (c++; isalnum((unsigned char)*c) || *c == '_'; c++)
			continue;
		must(c[0] == '=' && c[1] == '"');
		for (c += 2; *c != '"'; c++) {
			must(*c != '\0' && *c != '\n');
			if (*c == '\\')
				c++;
		}
		c++;
		if (*c == '}') {
			c++;
			break;
		}
	}
	must(*c == ' ');
	strtod(c + 1, &end);
	must(end > c + 1 && *end == '\n');
}

static void
check_metrics(const char *text)
{
	check_printable(text);
	for (const char *line = text; *line != '\0';
	     line = strchr(line, '\n') + 1) {
		must(strchr(line, '\n') != NULL);
		if (*line != '#')
			check_sample(line);
	}
}

/* --- what prints ------------------------------------------------------------------- */

static void
try_metrics(const char *a, size_t alen, const char *b, size_t blen)
{
	struct metrics *m = metrics_new(true);
	char *text = NULL;
	size_t len;

	metrics_add_text(m, &proc, a, alen);
	metrics_add_text(m, &proc, b, blen);
	for (int form = METRICS_PROMETHEUS; form <= METRICS_OPENMETRICS;
	     form++) {
		FILE *out = open_memstream(&text, &len);

		metrics_write(m, (enum metrics_form)form, out);
		fclose(out);
		must(strlen(text) == len);
		check_metrics(text);
		free(text);
	}
	metrics_free(m);
}

static void
try_changes(const char *a, size_t alen, const char *b, size_t blen)
{
	struct look *before = look_read(a, alen), *after = look_read(b, blen);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (before != NULL && after != NULL)
		look_print_changes(before, after, out);
	fclose(out);
	check_printable(text);
	free(text);
	look_free(before);
	look_free(after);
}

static void
try_frames(struct gathering *g)
{
	struct history past = { NULL, 0 };
	struct view view = { .pid = proc.pid, .columns = 120 };
	struct frame frame;

	history_add(&past, g);
	for (int tab = TAB_LIST; tab <= TAB_THREADS; tab++) {
		view.tab = (enum tab)tab;
		view.sort = (enum column)(tab % NCOLUMNS);
		frame_draw(&frame, &view, g, &past);
		for (size_t i = 0; i < frame.n; i++) {
			check_printable(frame.lines[i].text);
			must(strchr(frame.lines[i].text, '\n') == NULL);
		}
		frame_free(&frame);
	}
	history_free(&past);
}

/* As gather.c: what is no object is no answer. */
static void
read_answer(struct answer *answer, const char *text, size_t len)
{
	static char sentence[] = "it is not understood";

	answer->json = json_loadb(text, len, 0, NULL);
	if (json_is_object(answer->json))
		return;
	json_decref(answer->json);
	answer->json = NULL;
	answer->target.problem = NO_ANSWER;
	answer->target.sentence = sentence;
}

static void
begin_once(void)
{
	static bool is_begun;

	if (!is_begun)
		must(setlocale(LC_ALL, "C.UTF-8") != NULL);
	is_begun = true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct gathering g = { .n = 2 };
	struct answer answers[2] = { { .target.proc = proc },
				     { .target.proc = proc } };
	size_t alen, blen;
	char *a = take_until(&in, '\0', &alen);
	char *b = take_until(&in, '\0', &blen);

	begin_once();
	try_metrics(a, alen, b, blen);
	try_changes(a, alen, b, blen);
	answers[1].target.proc.pid++;
	read_answer(&answers[0], a, alen);
	read_answer(&answers[1], b, blen);
	g.answers = answers;
	try_frames(&g);
	json_decref(answers[0].json);
	json_decref(answers[1].json);
	free(a);
	free(b);
	return 0;
}

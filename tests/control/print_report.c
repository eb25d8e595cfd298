/*
 * print_report.c -- a process with something to tell, and its report on
 * standard output: text, json or xml. Started by reports.py.
 *
 * Above   reports.py
 * Lock    none
 * Always  at rest while the report is made: its threads have done their part
 */
#include <stdio.h>
#include <sys/prctl.h>

#include "base/options.h"
#include "control/report.h"
#include "control/stats.h"
#include "control/trim.h"
#include "cache/floor.h"

#define NBLOCKS 2000

/* Cut by the kernel after 15 bytes: the last one in the middle of its euro. */
static const char *const names[] = {
	"plain",
	"quote \" <&>",
	"back\\slash",
	"line\nfeed \x01 tab\t",
	"z\xc3\xa4hlt",
	"\xff\xfe no text",
	"fourteen bytes\xe2\x82\xac",
};

struct worker {
	struct helper helper;
	const char *name;
	uint64_t luck;
	void *blocks[NBLOCKS];
	unsigned classes[NBLOCKS];
};

static struct worker workers[COUNT_OF(names)];

static void
work(void *arg)
{
	struct worker *w = arg;

	prctl(PR_SET_NAME, w->name);
	for (size_t i = 0; i < NBLOCKS; i++) {
		w->classes[i] = 1 + (unsigned)random_below(
					    &w->luck, i % 49 ? CLASS_SLAB_MAX
							     : CLASS_LARGE_MAX);
		w->blocks[i] = block_alloc(w->classes[i]);
		if (w->blocks[i] == NULL)
			abort();
		memset(w->blocks[i], 1, class_size(w->classes[i]));
	}
	for (size_t i = 0; i < NBLOCKS; i += 2)
		block_free(w->blocks[i], w->classes[i]);
}

static int
print(enum report_form form)
{
	struct report r;
	bool ok;

	if (!report_make(form, &r))
		return 1;
	ok = fwrite(r.buf, 1, r.len, stdout) == r.len;
	report_drop(&r);
	return ok ? 0 : 1;
}

int
main(int argc, char **argv)
{
	enum report_form form = REPORT_TEXT;
	int status;

	if (argc == 2 && strcmp(argv[1], "json") == 0)
		form = REPORT_JSON;
	if (argc == 2 && strcmp(argv[1], "xml") == 0)
		form = REPORT_XML;
	if (!options_set("narenas", 3) || !options_set("thp", THP_NEVER))
		return 1;
	stats_boot();
	thread_boot();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		workers[i].name = names[i];
		workers[i].luck = i + 1;
		helper_start(&workers[i].helper);
		helper_do(&workers[i].helper, work, &workers[i]);
	}
	trim_now();
	for (size_t i = 0; i < COUNT_OF(names); i += 2)
		helper_do(&workers[i].helper, work, &workers[i]);
	status = print(form);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		helper_end(&workers[i].helper);
	return status;
}

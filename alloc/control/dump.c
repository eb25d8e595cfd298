/*
 * dump.c -- see dump.h.
 */
#include <errno.h>
#include <string.h>

#include "../base/check.h"
#include "../base/errors.h"
#include "../base/options.h"
#include "../base/pattern.h"
#include "../os/os.h"
#include "../os/output.h"
#include "dump.h"
#include "report.h"

/* The bound of dump_keep. */
#define KEEP_MAX 1000

static_assert((int)DUMP_TEXT == (int)REPORT_TEXT &&
		      (int)DUMP_JSON == (int)REPORT_JSON &&
		      (int)DUMP_XML == (int)REPORT_XML,
	      "the option's words are the report's forms");

static struct {
	_Atomic bool is_asked;
	_Atomic bool is_busy; /* guards what follows up to the line */
	bool has_complained;
	uint64_t n;                  /* files so far */
	uint64_t times_ms[KEEP_MAX]; /* when number n was written, at n */
	/* --- the trim thread's own: */
	uint64_t next_ns;          /* no dump before that */
	uint64_t next_interval_ns; /* 0: none */
} dump;

/* --- who asks -------------------------------------------------------------------- */

bool
dump_ask(void)
{
	/* Sequentially consistent: before the bell, see trim.c. */
	return !atomic_exchange_explicit(&dump.is_asked, true,
					 memory_order_seq_cst);
}

bool
dump_is_asked(void)
{
	return atomic_load_explicit(&dump.is_asked, memory_order_seq_cst);
}

/* --- files ----------------------------------------------------------------------- */

static void
complain_once(const char *path, int error)
{
	char buf[400];
	struct text t;
	const char *why = error == EEXIST ? "what is there is no file"
					  : error_words(error);

	if (dump.has_complained)
		return;
	dump.has_complained = true;
	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, "dump_path: ");
	text_mem(&t, path, min_size(strlen(path), 256));
	text_str(&t, " could not be written: ");
	text_str(&t, why != NULL ? why : "unknown error");
	text_str(&t, "; this is said once");
	buf[t.len] = '\0';
	complain(buf);
}

/* The path of the file number n, terminated; false where it is too long. */
static bool
path_of(char *buf, size_t cap, uint64_t n, uint64_t time_ms)
{
	struct pattern values = { os_pid(), n, time_ms };
	struct text t;

	text_init(&t, buf, cap - 1);
	pattern_expand(&t, option_text(dump_path), &values);
	buf[t.len] = '\0';
	return !t.lost;
}

/*
 * Names that differ need no renaming: when number n was written, the file of
 * dump_keep dumps before goes.
 */
static void
remove_oldest(const char *newest, uint64_t n)
{
	uint64_t keep = (uint64_t)option(dump_keep);
	char path[OUTPUT_PATH_BYTES];

	if (n <= keep)
		return;
	if (path_of(path, sizeof path, n - keep,
		    dump.times_ms[(n - keep) % KEEP_MAX]) &&
	    strcmp(path, newest) != 0)
		output_remove(path);
}

/* 0 or an errno value; the path is in buf. */
static int
write_file(const struct report *r, char *path, size_t cap)
{
	const char *pattern = option_text(dump_path);
	bool differs = pattern_has(pattern, 'n') || pattern_has(pattern, 't');
	uint64_t now_ms = os_wall_ns() / NS_PER_MS, n = dump.n + 1;
	int error;

	if (!path_of(path, cap, n, now_ms))
		return ENAMETOOLONG;
	error = output_file(path, differs ? 1 : (unsigned)option(dump_keep),
			    r->buf, r->len);
	if (error != 0)
		return error;
	if (differs)
		remove_oldest(path, n);
	dump.n = n;
	/* In the place of the one that has gone by now. */
	dump.times_ms[n % KEEP_MAX] = now_ms;
	return 0;
}

/* Files: a reader sees all of a report or nothing of it. */
static int
write_somewhere(const struct report *r, char *where, size_t cap)
{
	int error;

	if (option(dump_path) == 0) {
		struct text t;

		text_init(&t, where, cap - 1);
		text_str(&t, "stderr");
		where[t.len] = '\0';
		return output_stderr(r->buf, r->len) == r->len ? 0 : EIO;
	}
	error = write_file(r, where, cap);
	if (error != 0)
		complain_once(where, error);
	return error;
}

int
dump_now(char *where, size_t cap)
{
	struct report r;
	int error;

	/* Acquire, release: what one dump left is seen by the next. */
	if (atomic_exchange_explicit(&dump.is_busy, true, memory_order_acquire))
		return EBUSY;
	if (report_make((enum report_form)option(dump_form), &r)) {
		error = write_somewhere(&r, where, cap);
		report_drop(&r);
	} else {
		error = ENOMEM;
	}
	atomic_store_explicit(&dump.is_busy, false, memory_order_release);
	return error;
}

/* --- the trim thread ----------------------------------------------------------------- */

static uint64_t
interval_ns(void)
{
	return (uint64_t)option(stats_interval) * NS_PER_S;
}

void
dump_forget(void)
{
	dump.n = 0;
	/* Relaxed: there is one thread. */
	atomic_store_explicit(&dump.is_busy, false, memory_order_relaxed);
}

void
dump_begin(void)
{
	dump.next_interval_ns = interval_ns() > 0 ? os_now_ns() + interval_ns()
						  : 0;
}

/* What was due by now, or by a clock that went back, is due now. */
static uint64_t
follow_clock(void)
{
	uint64_t now = os_now_ns();

	if (ns_is_due(dump.next_ns, now, DUMP_PAUSE_NS))
		dump.next_ns = now;
	if (dump.next_interval_ns != 0 &&
	    ns_is_due(dump.next_interval_ns, now, interval_ns()))
		dump.next_interval_ns = now;
	return now;
}

/* When something is to be done; DUMP_NEVER. */
static uint64_t
due_ns(void)
{
	uint64_t due = dump.next_interval_ns != 0 ? dump.next_interval_ns
						  : DUMP_NEVER;

	return dump_is_asked() && dump.next_ns < due ? dump.next_ns : due;
}

uint64_t
dump_wait_ns(void)
{
	uint64_t due, now;

	if (due_ns() == DUMP_NEVER)
		return DUMP_NEVER;
	now = follow_clock();
	due = due_ns();
	return due > now ? due - now : 1;
}

void
dump_serve(void)
{
	char where[OUTPUT_PATH_BYTES];
	uint64_t now;

	if (due_ns() == DUMP_NEVER)
		return;
	now = follow_clock();
	if (due_ns() > now)
		return;
	if (dump.next_interval_ns != 0 && dump.next_interval_ns <= now)
		dump.next_interval_ns = now + interval_ns();
	/* Before the report: who asks from here on gets another one. */
	atomic_store_explicit(&dump.is_asked, false, memory_order_seq_cst);
	if (dump_now(where, sizeof where) == EBUSY)
		dump_ask();
	dump.next_ns = os_now_ns() + DUMP_PAUSE_NS;
}

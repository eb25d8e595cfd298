/*
 * report.h -- a snapshot in words: for people, for programs, and as
 * malloc_info's XML.
 *
 * Above   api/glibc.c, control/server, control/trim
 * Lock    none
 */
#ifndef TRI_CONTROL_REPORT_H
#define TRI_CONTROL_REPORT_H

#include "../base/text.h"
#include "stats.h"

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_XML };

void report_text(struct text *t, const struct snapshot *s);

/* One object of RFC 8259. */
void report_json(struct text *t, const struct snapshot *s);

/* The document of glibc's malloc_info(3), and our own elements in it. */
void report_xml(struct text *t, const struct snapshot *s);

/* A whole report. buf is the kernel's memory, and not terminated by a NUL. */
struct report {
	char *buf;
	size_t len;
	size_t cap; /* bytes mapped at buf */
};

/*
 * Takes a snapshot, asks the kernel, and makes a report of it, however long
 * that is. False where there is no memory, with nothing to drop. Any thread,
 * no lock held.
 */
bool report_make(enum report_form form, struct report *out);
void report_drop(struct report *r);

/* As far as the file takes it. */
void report_write(const struct report *r, int fd);

/* --- what the forms share ------------------------------------------------------ */

/* What the kernel keeps of a name, a line feed and an end. */
#define THREAD_NAME_BYTES 32

/* A thread's name now, as it has it in /proc; "" where it is no more. */
void thread_name(int tid, char name[THREAD_NAME_BYTES]);

#endif

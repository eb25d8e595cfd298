/*
 * request.h -- one line of the control protocol, and its answer.
 *
 * Above   control/server.c
 * Lock    none of the caller's; what an answer needs takes its own
 * Always  whatever the bytes are, there is one answer; it is whole before
 *         anything of it is sent
 *
 *	hello                          trimalloc VERSION format 1
 *	stats text|json|xml|jemalloc   the report
 *	trim                           bytes N
 *	get NAME                       the value of a name of mallctl's
 *	set NAME=VALUE, call NAME      nothing
 *	list                           NAME TYPE ro|rw, a line each
 *	options                        name=value, a line each
 *	dump                           the path that was written, or stderr
 *
 * An answer is "ok N" and a line feed and N bytes, or "error WORD SENTENCE" and
 * a line feed.
 */
#ifndef TRI_CONTROL_REQUEST_H
#define TRI_CONTROL_REQUEST_H

#include "report.h"

/* The longest line, without its end. */
#define REQUEST_BYTES 4096

struct answer {
	char head[256];
	size_t nhead;
	struct report body; /* buf is NULL: none */
};

/* The answer to a line without its end. Any thread, no lock held. */
void request_answer(const char *line, size_t len, struct answer *out);

/* "error WORD SENTENCE" for what is no matter of a line. */
void answer_error(struct answer *out, const char *word, const char *sentence);

void answer_drop(struct answer *a);

#endif

/*
 * check.c -- see check.h.
 */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

void
complain(const char *sentence)
{
	char buf[512];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_str(&t, "trimalloc: ");
	text_str(&t, sentence);
	text_str(&t, "\n");
	text_write(&t, STDERR_FILENO);
}

void
die(const char *sentence)
{
	complain(sentence);
	abort();
}

void
die_text(struct text *t)
{
	/* One write, so that lines of other threads do not cut ours. */
	text_write(t, STDERR_FILENO);
	abort();
}

/*
 * link.h -- one connection to a control socket: a request, its answer, and a
 * deadline, without ever waiting for a process that hangs.
 *
 * Above   target.c (one at a time), gather.c (many at once)
 * Always  what the other end says is a stranger's word: sizes are bounded,
 *         and text is not printed to a terminal as it is
 */
#ifndef TOOL_LINK_H
#define TOOL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What one answer may have: 100,000 threads' worth of JSON and more. */
#define LINK_ANSWER_MAX ((size_t)64 << 20)

enum link_state {
	LINK_CLOSED,
	LINK_ASKING,  /* the request is being written */
	LINK_HEADED,  /* the answer's first line is being read */
	LINK_READING, /* its bytes */
	LINK_READY,   /* the answer is there; another request may follow */
	LINK_BROKEN,  /* errno in `error` */
};

struct link {
	int fd;
	enum link_state state;
	int error;
	char *request;
	size_t nsent;
	char head[600];
	size_t nhead;
	/* "ok": `answer`, `len` bytes and a zero. */
	char *answer;
	size_t len, nread;
	/* "error WORD SENTENCE": "" and "" after "ok". */
	char word[16];
	char sentence[560];
};

/*
 * Connects to the socket that `path` is to a process: looked up below its root
 * directory, or, relative, its current one. Whatever links are in the way lead
 * nowhere else. 0, or -1 with errno; ENOTSOCK: the path is something else;
 * EXDEV: the socket is the process *peer's, not this one's.
 */
int link_open(struct link *l, int pid, const char *path, int *peer);

/* Begins a request, a line without its end. Only when ready or just open. */
void link_ask(struct link *l, const char *request);

/* The poll events that the connection waits for; 0: for none. */
short link_wants(const struct link *l);

/* Goes on as far as it goes without waiting. */
void link_step(struct link *l);

/* Asks and waits. true: there is an answer, be it an error; false: broken, or
 * ETIMEDOUT in l->error. */
bool link_call(struct link *l, const char *request, int64_t deadline_ms);

void link_close(struct link *l);

/* Prints the answer, made printable: whoever runs the process wrote it. */
void link_print(struct link *l);

/* Puts '?' for what a terminal could take for a command, and for what is not
 * UTF-8. Returns its argument. */
char *make_printable(char *text, size_t len);

#endif

/*
 * target.h -- a process that is to be asked something, or why it cannot be.
 *
 * Above   the commands that take a PID; gather.c
 * Always  a problem is an exit code, a sentence, and what to do next; a
 *         process that ends meanwhile is told from one that is silent
 */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include "link.h"
#include "proc.h"

struct target {
	struct proc proc;
	int pidfd;  /* -1: none (before Linux 5.3) */
	char *path; /* of the socket, as the process names it; or NULL */
	struct link link;
	int problem; /* DONE, or an exit code: then these say why */
	char *sentence;
	char *next;
};

/* What the option of that name is in the process's TRIMALLOC_CONF, or NULL. */
char *target_option(const struct target *t, const char *key);

/* Finds the process and the library in it, without a word. t->problem. */
void target_find(struct target *t, int pid);

/* The same, and connects to its socket. */
void target_look(struct target *t, int pid);

/* The same, and says on stderr what the problem is. Its exit code. */
int target_open(struct target *t, int pid);

/*
 * One request. DONE: t->link.answer and len have the answer. FAILED: the
 * library refused, t->link.word and sentence tell why. All problems are said.
 */
int target_ask(struct target *t, const char *request, double seconds);

/* A process that ends closes its files first: whoever saw that waits a bit. */
#define TARGET_END_MS 500

/* Notes why the connection broke: the process has ended, or does within
 * `end_ms`, or else as t->link.error says. */
void target_broken(struct target *t, double seconds, int end_ms);

/* Says t->problem's sentence; returns the exit code. */
int target_say(const struct target *t);

void target_close(struct target *t);

/* All that most commands do: look, ask one thing, print the answer. */
int target_print(int pid, const char *request, double seconds);

#endif

/*
 * proc.h -- what /proc says about a process.
 *
 * Above   target.c, gather.c, top, exporter
 * Always  a process may end between any two looks: every function can fail,
 *         with errno ESRCH or ENOENT
 */
#ifndef TOOL_PROC_H
#define TOOL_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	int pid;
	int tgid;      /* another one: `pid` is a thread's number */
	int inner_pid; /* its number in its own pid namespace */
	uid_t uid;     /* effective */
	char state;    /* R, S, D, Z, ... */
	unsigned threads;
	uint64_t resident; /* bytes */
	uint64_t caught;   /* signals with a handler: bit n-1 for signal n */
	uint64_t
		started; /* clock ticks since boot; with pid, a process's name */
	char comm[64];
};

/* 0, or -1 with errno: there is no such process, or it cannot be read. */
int proc_read(int pid, struct proc *out);

/*
 * A whole file of /proc/PID, with a zero behind it, in memory of malloc; NULL
 * with errno. At most 64 MiB are read.
 */
char *proc_file(int pid, const char *name, size_t *len);

/* Is a file named libtrimalloc* mapped? 1, 0, or -1 with errno. */
int proc_has_library(int pid);

/* The value of a variable in what the process was started with; NULL: none,
 * or not readable (errno is not 0 then). Of malloc. */
char *proc_environment(int pid, const char *name);

/*
 * The value of the last `key:value` of a TRIMALLOC_CONF, for the last one is
 * what the library takes; NULL: none. Of malloc.
 */
char *conf_value(const char *conf, const char *key);

/* `pattern` with %p as `pid` and %% as %. Of malloc. */
char *conf_expand(const char *pattern, int pid);

/* All process numbers, ascending, in memory of malloc; their count. */
size_t proc_list(int **pids);

/* A process whose number inside of its own namespace is `pid`; 0: none. */
int proc_find_inner(int pid);

/* "root", or the number as text. Returns `buf`. */
const char *user_name(uid_t uid, char *buf, size_t size);

#endif

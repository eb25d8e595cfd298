/*
 * spawn.h -- starts a program under the library and collects what came of it.
 *
 * Above   case.c, and the drivers of tests/misuse
 * Lock    none; for programs with one thread, on any malloc
 * Always  the program has ended when spawn_run returns
 */
#ifndef TESTS_PROCESS_SPAWN_H
#define TESTS_PROCESS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

/* What a program wrote beyond this many bytes is read and dropped. */
#define SPAWN_TEXT_BYTES 65536

struct spawn {
	const char *const *argv; /* ends with NULL; argv[0] is a path */
	const char *preload;     /* LD_PRELOAD; NULL: not set */
	const char *conf;        /* TRIMALLOC_CONF; NULL: not set */
	size_t address_space;    /* RLIMIT_AS in bytes; 0: no limit */
	size_t data;             /* RLIMIT_DATA in bytes; 0: no limit */
	const char *group;       /* control group's folder; NULL: our own */
	unsigned timeout_s;      /* it is killed after this time */
};

struct outcome {
	int status; /* as waitpid gives it */
	bool timed_out;
	size_t out_bytes, err_bytes;
	char out[SPAWN_TEXT_BYTES + 1]; /* its standard output, terminated */
	char err[SPAWN_TEXT_BYTES + 1]; /* its standard error, terminated */
};

/* False where the program could not be started; then outcome->err says why. */
bool spawn_run(const struct spawn *s, struct outcome *outcome);

/* "exit 3", "signal 6 (Aborted)" or "timeout", for messages. */
const char *outcome_describe(const struct outcome *outcome);

/* The libraries under test: TRI_LIB and TRI_JNI_LIB, or those of this build. */
const char *library_path(void);
const char *jni_library_path(void);

/* A path relative to the top of the build, made absolute; static storage. */
const char *build_path(const char *relative);

#endif

/*
 * output.h -- reports go out: to standard error, or as whole files.
 *
 * Above   control/dump.c, control/server.c
 * Lock    none; not two of the same path at once
 * Always  no malloc, no stdio, no cancellation point; who opens the path of
 *         output_file() sees a whole report, the last one or the one before
 */
#ifndef TRI_OS_OUTPUT_H
#define TRI_OS_OUTPUT_H

#include "../base/base.h"

/* As much of a path as the kernel takes, and its end. */
#define OUTPUT_PATH_BYTES 4096

/*
 * Writes to the process's standard error, from any thread. A reader that
 * takes nothing for a second gets no more. Returns the bytes written.
 */
size_t output_stderr(const char *buf, size_t len);

/*
 * Makes a file beside `path` and renames it to that when it is whole, with
 * rights as the umask leaves them. What was at `path` is path.1 then, what was
 * there path.2 and so on, so that there are `keep` of them; more are removed.
 * 0, or an errno value, and then nothing has moved: EEXIST where something
 * that is no file stands at `path`.
 */
int output_file(const char *path, unsigned keep, const char *buf, size_t len);

/* Removes a file; none there is nothing wrong. */
void output_remove(const char *path);

#endif

/*
 * file.h -- the small text files of /proc and /sys.
 *
 * Above   os/cgroup.c, os/cpus.c, os/memory_limit.c; control/report.c for the
 *         names of threads
 * Lock    none; a reader belongs to one thread
 * Always  no malloc, no stdio, and no cancellation point, which malloc must
 *         not be: libc's open, read and close are, syscall() is not
 */
#ifndef TRI_OS_FILE_H
#define TRI_OS_FILE_H

#include "../base/base.h"

/*
 * Debug builds: a folder that stands for the root of the file system, so that
 * tests can lay out a /proc and a /sys of their own. NULL: the real one, and
 * other builds never look here.
 */
extern const char *os_root_prefix HIDDEN;

/* The largest number there is: what number_parse says for all above it too. */
#define NUMBER_MAX UINT64_MAX

/*
 * The decimal number at s, up to a space, the line's or the text's end. False
 * where there is none ("max", "-1", "12x"); *n is then unchanged.
 */
bool number_parse(const char *s, uint64_t *n);

/*
 * Reads a file into buf, terminated; what does not fit is cut off. False
 * where it cannot be read or is empty. 7 us in /sys/fs/cgroup.
 */
bool file_read(const char *path, char *buf, size_t cap);

/* As much of a line as anybody looks at: the mount of a group fits. */
#define LINE_BYTES 2048

/* A file that is read line by line, of any length. */
struct lines {
	int fd;
	bool is_cut;    /* the last line's rest is still to come */
	size_t at, end; /* buf[at..end) is read and not handed out yet */
	char buf[LINE_BYTES];
};

/* False where the file cannot be opened; nothing is to be closed then. */
bool lines_open(struct lines *l, const char *path);

/*
 * The next line, terminated, without its line feed, valid until the next
 * call; NULL after the last. A line of LINE_BYTES or more is cut short.
 */
char *lines_next(struct lines *l);

void lines_close(struct lines *l);

#endif

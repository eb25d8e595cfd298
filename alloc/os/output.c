/*
 * output.c -- see output.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/check.h"
#include "../base/text.h"
#include "os.h"
#include "output.h"

/* What a pipe that is writable takes without waiting (POSIX: at least 512). */
#define PIECE_BYTES ((size_t)4096)

#define NTRIES 8

/* A path that is put together; `lost` where it would be too long. */
struct path {
	struct text text;
	char buf[OUTPUT_PATH_BYTES];
};

static void
path_begin(struct path *p, const char *start)
{
	text_init(&p->text, p->buf, sizeof p->buf - 1);
	text_str(&p->text, start);
}

static const char *
path_end(struct path *p)
{
	p->buf[p->text.len] = '\0';
	return p->buf;
}

/* --- standard error --------------------------------------------------------- */

/*
 * The file is shared with the program, so its flags are left alone: a piece is
 * written when poll() says that it will not wait.
 */
size_t
output_stderr(const char *buf, size_t len)
{
	int fd = stderr_borrow();
	size_t done = 0;

	while (done < len && text_may_write(fd)) {
		long n = syscall(SYS_write, fd, buf + done,
				 min_size(len - done, PIECE_BYTES));

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	stderr_return(fd);
	return done;
}

/* --- files ------------------------------------------------------------------- */

/* 0 or an errno value. */
static int
write_all(int fd, const char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		long n = syscall(SYS_write, fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

/*
 * A new file beside `path`, of a name that nobody else uses: containers that
 * share a folder share their processes' numbers, too.
 */
static int
open_beside(struct path *beside, const char *path)
{
	long fd = -1;

	for (int i = 0; i < NTRIES && fd < 0; i++) {
		path_begin(beside, path);
		text_str(&beside->text, ".");
		text_int(&beside->text, os_pid());
		text_str(&beside->text, "-");
		text_uint(&beside->text, os_now_ns());
		text_str(&beside->text, ".tmp");
		if (beside->text.lost) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = syscall(SYS_openat, AT_FDCWD, path_end(beside),
			     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
				     O_NOFOLLOW | O_NOCTTY,
			     0644);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return (int)fd;
}

/* path.k; false where that is too long. */
static bool
path_number(struct path *p, const char *path, unsigned k)
{
	path_begin(p, path);
	text_str(&p->text, ".");
	text_uint(&p->text, k);
	path_end(p);
	return !p->text.lost;
}

/* Where the first of them is free, nothing need move: that ends a gap, too. */
static unsigned
first_free(struct path *p, const char *path, unsigned keep)
{
	unsigned k = 1;

	while (k < keep && path_number(p, path, k) &&
	       syscall(SYS_faccessat, AT_FDCWD, p->buf, F_OK) == 0)
		k++;
	return k;
}

/* `path` stays where it is meanwhile. */
static void
rotate(const char *path, unsigned keep)
{
	struct path from, to;
	unsigned k;

	if (keep < 2)
		return;
	for (k = first_free(&from, path, keep - 1); k > 1; k--) {
		if (path_number(&from, path, k - 1) &&
		    path_number(&to, path, k))
			rename(from.buf, to.buf);
	}
	if (!path_number(&to, path, 1))
		return;
	unlink(to.buf);
	/* Where there are no hard links there is no file for a moment. */
	if (link(path, to.buf) != 0 && errno != ENOENT)
		rename(path, to.buf);
}

/*
 * A device, a pipe or a link that somebody writes by, /dev/stderr say, would
 * be gone for everybody; a process of root's may replace it.
 */
static int
look_at_place(const char *path)
{
	struct stat st;

	/* glibc before 2.33 has no lstat to link with. */
	if (syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) !=
	    0)
		return errno == ENOENT ? 0 : errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return S_ISREG(st.st_mode) ? 0 : EEXIST;
}

int
output_file(const char *path, unsigned keep, const char *buf, size_t len)
{
	struct path beside;
	int error = look_at_place(path), fd;

	if (error != 0)
		return error;
	fd = open_beside(&beside, path);
	if (fd < 0)
		return errno;
	error = write_all(fd, buf, len);
	/* A file system across a network may find out only now. */
	if (syscall(SYS_close, fd) != 0 && error == 0)
		error = errno;
	/* Not before: full disks would have the older ones go for nothing. */
	if (error == 0)
		rotate(path, keep);
	if (error == 0 && rename(beside.buf, path) != 0)
		error = errno;
	if (error != 0)
		unlink(beside.buf);
	return error;
}

void
output_remove(const char *path)
{
	unlink(path);
}

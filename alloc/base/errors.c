/*
 * errors.c -- see errors.h.
 */
#include <errno.h>
#include <stddef.h>

#include "errors.h"

static const struct {
	int number;
	const char *words;
} rows[] = {
	{ EPERM, "that is not permitted" },
	{ ENOENT, "there is no such file or directory" },
	{ EINTR, "a signal came in between" },
	{ EIO, "the device failed" },
	{ ENXIO, "nobody reads there" },
	{ EBADF, "the file is not open for that" },
	{ EAGAIN, "not now, it would wait" },
	{ ENOMEM, "the kernel has no memory" },
	{ EACCES, "permission is missing" },
	{ EBUSY, "it is busy" },
	{ EEXIST, "it is there already" },
	{ ENOTDIR, "a part of the path is no directory" },
	{ EISDIR, "it is a directory" },
	{ EINVAL, "it is not valid" },
	{ ENFILE, "the system has too many files open" },
	{ EMFILE, "the process has too many files open" },
	{ EFBIG, "the file is too large" },
	{ ENOSPC, "no space is left" },
	{ EROFS, "the file system is read-only" },
	{ EPIPE, "the other side has gone" },
	{ ENAMETOOLONG, "the name is too long" },
	{ ENOSYS, "the kernel does not have that call" },
	{ ELOOP, "there are too many symbolic links" },
	{ EAFNOSUPPORT, "the kernel has no such sockets" },
	{ EADDRINUSE, "the address is in use" },
	{ EADDRNOTAVAIL, "there is no such address here" },
	{ ECONNRESET, "the other side has closed" },
	{ ENOBUFS, "the kernel has no buffers" },
	{ ETIMEDOUT, "it took too long" },
	{ ECONNREFUSED, "nobody answers there" },
	{ EDQUOT, "the quota is used up" },
};

const char *
error_words(int error)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].number == error)
			return rows[i].words;
	}
	return NULL;
}

/*
 * socket.h -- Unix stream sockets that never make their caller wait.
 *
 * Above   control/server.c, api/boot.c through it
 * Lock    none; a descriptor belongs to one thread
 * Always  no malloc, no cancellation point, no SIGPIPE; -1 and errno on failure
 */
#ifndef TRI_OS_SOCKET_H
#define TRI_OS_SOCKET_H

#include <poll.h>

#include "../base/base.h"

/*
 * Listens at an absolute path whose file has mode 0600 from its first moment
 * on. A file there that is a socket on which nobody listens any more is
 * replaced; anything else is left alone: EADDRINUSE. ENAMETOOLONG where the
 * folder's path is too long and the file's name is above 64 bytes as well.
 */
int socket_listen(const char *path);

/* Removes a socket's file on which nobody listens any more. */
void socket_remove_stale(const char *path);

/* Which file it is, so that only this one is removed. */
struct socket_file {
	uint64_t device, inode;
};

bool socket_identify(const char *path, struct socket_file *out);
void socket_remove(const char *path, const struct socket_file *file);

/* The next connection and its peer's effective user. */
int socket_accept(int fd, unsigned *uid);

/* The process's own. */
unsigned os_user(void);

/* Bytes; 0 at the end, -1 with EAGAIN where there is nothing (no room) now. */
long socket_receive(int fd, char *buf, size_t cap);
long socket_send(int fd, const char *buf, size_t len);

void socket_close(int fd);

/* A descriptor that is readable from when it is rung. */
int event_make(void);
void event_ring(int fd);

/* As poll(2), until a time in nanoseconds from now; UINT64_MAX: no limit. */
long os_poll(struct pollfd *fds, unsigned n, uint64_t ns);

#endif

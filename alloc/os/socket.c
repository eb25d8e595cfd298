/*
 * socket.c -- see socket.h. By syscall(), for libc's are cancellation points.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../base/text.h"
#include "socket.h"

/* Connections that wait to be accepted. */
#define BACKLOG 64

#define NAME_MAX_BYTES 64

void
socket_close(int fd)
{
	int before = errno;

	syscall(SYS_close, fd);
	errno = before;
}

/* --- addresses ------------------------------------------------------------------ */

/* An address, and what must be open while it is used; -1: nothing. */
struct address {
	struct sockaddr_un un;
	int folder;
};

static bool
address_set(struct address *a, const char *path, size_t len)
{
	if (len >= sizeof a->un.sun_path)
		return false;
	memset(&a->un, 0, sizeof a->un);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, len);
	return true;
}

/*
 * A path that an address has no room for is reached by its folder's
 * descriptor, which is the calling thread's: it may have a table of its own.
 */
static bool
address_by_folder(struct address *a, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char buf[sizeof a->un.sun_path];
	struct text t;
	char folder[4096];
	size_t len = (size_t)(name - path);

	if (len >= sizeof folder || strlen(name) > NAME_MAX_BYTES) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(folder, path, len);
	folder[len] = '\0';
	a->folder = (int)syscall(SYS_openat, AT_FDCWD, folder,
				 O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (a->folder < 0)
		return false;
	text_init(&t, buf, sizeof buf);
	text_str(&t, "/proc/thread-self/fd/");
	text_int(&t, a->folder);
	text_str(&t, "/");
	text_str(&t, name);
	return address_set(a, buf, t.len);
}

static bool
address_begin(struct address *a, const char *path)
{
	a->folder = -1;
	if (path[0] != '/') {
		errno = EINVAL;
		return false;
	}
	return address_set(a, path, strlen(path)) || address_by_folder(a, path);
}

static void
address_end(struct address *a)
{
	if (a->folder >= 0)
		socket_close(a->folder);
}

static int
new_socket(void)
{
	return (int)syscall(SYS_socket, AF_UNIX,
			    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* --- files ------------------------------------------------------------------------ */

/* glibc before 2.33 has no lstat to link with; the structs are the kernel's. */
static bool
look_at_socket(const char *path, struct stat *st)
{
	return syscall(SYS_newfstatat, AT_FDCWD, path, st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISSOCK(st->st_mode);
}

/* Is it a socket on which nobody listens? */
static bool
is_stale(const struct address *a)
{
	struct stat st;
	int fd;
	long error;

	if (!look_at_socket(a->un.sun_path, &st))
		return false;
	fd = new_socket();
	if (fd < 0)
		return false;
	error = syscall(SYS_connect, fd, &a->un, sizeof a->un) == 0 ? 0 : errno;
	socket_close(fd);
	return error == ECONNREFUSED;
}

void
socket_remove_stale(const char *path)
{
	struct address a;

	if (address_begin(&a, path) && is_stale(&a))
		unlink(a.un.sun_path);
	address_end(&a);
}

bool
socket_identify(const char *path, struct socket_file *out)
{
	struct stat st;

	if (!look_at_socket(path, &st))
		return false;
	*out = (struct socket_file){ st.st_dev, st.st_ino };
	return true;
}

void
socket_remove(const char *path, const struct socket_file *file)
{
	struct socket_file now;

	if (socket_identify(path, &now) && now.device == file->device &&
	    now.inode == file->inode)
		unlink(path);
}

static bool
bind_to(int fd, const struct address *a)
{
	return syscall(SYS_bind, fd, &a->un, sizeof a->un) == 0;
}

/*
 * The file gets the rights of the socket's own inode, less the umask, so they
 * are set on that first; the second time undoes a umask that took the owner's.
 */
static bool
bind_and_listen(int fd, const struct address *a)
{
	if (fchmod(fd, 0600) != 0)
		return false;
	if (!bind_to(fd, a)) {
		if (errno != EADDRINUSE)
			return false;
		if (!is_stale(a)) {
			errno = EADDRINUSE;
			return false;
		}
		unlink(a->un.sun_path);
		if (!bind_to(fd, a))
			return false;
	}
	return chmod(a->un.sun_path, 0600) == 0 &&
	       syscall(SYS_listen, fd, BACKLOG) == 0;
}

int
socket_listen(const char *path)
{
	struct address a;
	int fd = -1;

	if (address_begin(&a, path)) {
		fd = new_socket();
		if (fd >= 0 && !bind_and_listen(fd, &a)) {
			socket_close(fd);
			fd = -1;
		}
	}
	address_end(&a);
	return fd;
}

/* --- connections ----------------------------------------------------------------- */

int
socket_accept(int fd, unsigned *uid)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	int connection = (int)syscall(SYS_accept4, fd, NULL, NULL,
				      SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (connection < 0)
		return -1;
	if (syscall(SYS_getsockopt, connection, SOL_SOCKET, SO_PEERCRED, &peer,
		    &len) != 0 ||
	    len != sizeof peer) {
		socket_close(connection);
		return -1;
	}
	*uid = peer.uid;
	return connection;
}

unsigned
os_user(void)
{
	return geteuid();
}

long
socket_receive(int fd, char *buf, size_t cap)
{
	return syscall(SYS_recvfrom, fd, buf, cap, MSG_DONTWAIT, NULL, NULL);
}

long
socket_send(int fd, const char *buf, size_t len)
{
	return syscall(SYS_sendto, fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       NULL, 0);
}

int
event_make(void)
{
	return (int)syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void
event_ring(int fd)
{
	static const uint64_t one = 1;

	syscall(SYS_write, fd, &one, sizeof one);
}

long
os_poll(struct pollfd *fds, unsigned n, uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};

	return syscall(SYS_ppoll, fds, n, ns == UINT64_MAX ? NULL : &ts, NULL,
		       0);
}

/*
 * link.c -- see link.h.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "link.h"
#include "tool.h"

/*
 * Opens `path` as the process sees it. A container's links are resolved inside
 * of its root, where the plain open of /proc/PID/root/... would follow an
 * absolute one (/var/run to /run) into our own tree.
 */
static int
open_in_root(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

	/* Before Linux 5.6, or forbidden by an old seccomp filter. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(root, path + strspn(path, "/"), O_PATH | O_CLOEXEC);
	return (int)fd;
}

static int
open_path(int pid, const char *path)
{
	char base[64];
	int dir, fd, error;

	snprintf(base, sizeof base, "/proc/%d/%s", pid,
		 path[0] == '/' ? "root" : "cwd");
	dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	/* A relative path may go up, which RESOLVE_IN_ROOT would cut off. */
	fd = path[0] == '/' ? open_in_root(dir, path)
			    : openat(dir, path, O_PATH | O_CLOEXEC);
	error = errno;
	close(dir);
	errno = error;
	return fd;
}

/* A connection to the socket that a descriptor of O_PATH stands for: through
 * /proc, so that the path's length is of no account. */
static int
connect_node(int node)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d",
		 node);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
connect_path(int pid, const char *path)
{
	struct stat st;
	int node = open_path(pid, path), fd = -1, error;

	if (node < 0)
		return -1;
	if (fstat(node, &st) == 0 && !S_ISSOCK(st.st_mode))
		errno = ENOTSOCK;
	else
		fd = connect_node(node);
	error = errno;
	close(node);
	errno = error;
	return fd;
}

int
link_open(struct link *l, int pid, const char *path, int *peer)
{
	struct ucred who;
	socklen_t size = sizeof who;

	memset(l, 0, sizeof *l);
	l->fd = connect_path(pid, path);
	if (l->fd < 0)
		return -1;
	l->state = LINK_READY;
	/* A child of fork has its parent's variables, and so its path. */
	if (getsockopt(l->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	    who.pid != pid) {
		*peer = who.pid;
		link_close(l);
		errno = EXDEV;
		return -1;
	}
	return 0;
}

static void
link_break(struct link *l, int error)
{
	l->state = LINK_BROKEN;
	l->error = error;
}

void
link_ask(struct link *l, const char *request)
{
	free(l->request);
	free(l->answer);
	l->request = format_string("%s\n", request);
	l->answer = NULL;
	l->nsent = l->nhead = l->len = l->nread = 0;
	l->word[0] = l->sentence[0] = '\0';
	l->state = LINK_ASKING;
}

short
link_wants(const struct link *l)
{
	switch (l->state) {
	case LINK_ASKING:
		return POLLOUT;
	case LINK_HEADED:
	case LINK_READING:
		return POLLIN;
	default:
		return 0;
	}
}

static bool
is_later(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static bool
step_asking(struct link *l)
{
	size_t len = strlen(l->request);
	ssize_t n = send(l->fd, l->request + l->nsent, len - l->nsent,
			 MSG_NOSIGNAL);

	if (n < 0 && !is_later()) {
		/* It may have said why before it hung up. */
		if (errno != EPIPE)
			link_break(l, errno);
		else
			l->state = LINK_HEADED;
		return true;
	}
	l->nsent += n < 0 ? 0 : (size_t)n;
	if (l->nsent == len)
		l->state = LINK_HEADED;
	return n > 0;
}

/* "ok N" or "error WORD SENTENCE". */
static void
take_head(struct link *l)
{
	char *end;

	if (strncmp(l->head, "ok ", 3) == 0 &&
	    isdigit((unsigned char)l->head[3])) {
		errno = 0;
		l->len = strtoul(l->head + 3, &end, 10);
		if (*end == '\0' && errno == 0 && l->len <= LINK_ANSWER_MAX) {
			l->answer = must(malloc(l->len + 1));
			l->answer[l->len] = '\0';
			l->state = l->len == 0 ? LINK_READY : LINK_READING;
			return;
		}
	}
	if (sscanf(l->head, "error %15s %559[^\n]", l->word, l->sentence) >= 1)
		l->state = LINK_READY;
	else
		link_break(l, EPROTO);
	make_printable(l->word, strlen(l->word));
	make_printable(l->sentence, strlen(l->sentence));
}

/* Byte by byte up to the line's end, for what is behind it is the answer; a
 * line has a dozen bytes. */
static bool
step_headed(struct link *l)
{
	ssize_t n = recv(l->fd, l->head + l->nhead, 1, 0);

	if (n < 0 && is_later())
		return false;
	if (n <= 0 || l->nhead + 2 > sizeof l->head) {
		link_break(l, n < 0 ? errno : n == 0 ? ECONNRESET : EPROTO);
		return true;
	}
	if (l->head[l->nhead++] == '\n') {
		l->head[l->nhead - 1] = '\0';
		take_head(l);
	}
	return true;
}

static bool
step_reading(struct link *l)
{
	ssize_t n = recv(l->fd, l->answer + l->nread, l->len - l->nread, 0);

	if (n < 0 && is_later())
		return false;
	if (n <= 0) {
		link_break(l, n < 0 ? errno : ECONNRESET);
		return true;
	}
	l->nread += (size_t)n;
	if (l->nread == l->len)
		l->state = LINK_READY;
	return true;
}

void
link_step(struct link *l)
{
	bool goes_on = true;

	while (goes_on) {
		if (l->state == LINK_ASKING)
			goes_on = step_asking(l);
		else if (l->state == LINK_HEADED)
			goes_on = step_headed(l);
		else if (l->state == LINK_READING)
			goes_on = step_reading(l);
		else
			goes_on = false;
	}
}

bool
link_call(struct link *l, const char *request, int64_t deadline_ms)
{
	link_ask(l, request);
	for (;;) {
		struct pollfd p = { .fd = l->fd };
		int64_t left = deadline_ms - now_ms();

		link_step(l);
		p.events = link_wants(l);
		if (p.events == 0)
			break;
		if (left <= 0) {
			link_break(l, ETIMEDOUT);
			break;
		}
		poll(&p, 1, left > 60000 ? 60000 : (int)left);
	}
	return l->state == LINK_READY;
}

void
link_close(struct link *l)
{
	if (l->state != LINK_CLOSED)
		close(l->fd);
	free(l->request);
	free(l->answer);
	memset(l, 0, sizeof *l);
}

/* How many bytes the character of UTF-8 has that begins here, at most `left`;
 * 0: there is none, or one that steers a terminal: ESC, and U+009B, too. */
static size_t
printable_bytes(const unsigned char *at, size_t left)
{
	size_t n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (at[0] < 0x80)
		return (at[0] >= ' ' && at[0] != 0x7f) || at[0] == '\n' ||
		       at[0] == '\t';
	if (at[0] < 0xc2 || at[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Longer than need be, half of a pair, beyond the last. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) ||
	    (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return at[0] == 0xc2 && at[1] < 0xa0 ? 0 : n;
}

char *
make_printable(char *text, size_t len)
{
	size_t n;

	for (size_t i = 0; i<len; i += n> 0 ? n : 1) {
		n = printable_bytes((const unsigned char *)text + i, len - i);
		if (n == 0)
			text[i] = '?';
	}
	return text;
}

void
link_print(struct link *l)
{
	fwrite(make_printable(l->answer, l->len), 1, l->len, stdout);
}

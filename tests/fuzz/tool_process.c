/*
 * tool_process.c -- what the command reads of a hostile process: the answer to
 * a request, piece by piece, or its files in /proc.
 *
 * The first byte says which. An answer: pieces, each with its length in front.
 * Files: each a byte that says which, its text, and 0xff. The kernel's calls
 * are made up at link time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/trimalloc/link.h"
#include "../../tools/trimalloc/proc.h"
#include "../../tools/trimalloc/tool.h"
#include "fuzz.h"

#define SOCKET   5000
#define FIRST_FD 5001

const struct command *command;

static struct input in;

static void
check_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		must(byte >= ' ' || byte == '\n' || byte == '\t');
		must(byte != 0x7f);
		must(byte != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
	}
}

/* --- an answer ----------------------------------------------------------------------- */

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t cap, int flags);

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	unsigned kind = take_byte(&in);

	(void)buf;
	must(fd == SOCKET && (flags & MSG_NOSIGNAL) != 0);
	if (kind >= 240) {
		errno = kind & 1 ? EPIPE : EAGAIN;
		return -1;
	}
	return (ssize_t)(kind < len && kind > 0 ? kind : len);
}

static size_t piece;

ssize_t
__wrap_recv(int fd, void *buf, size_t cap, int flags)
{
	size_t n;

	(void)flags;
	must(fd == SOCKET);
	if (in.left == 0)
		return 0;
	if (piece == 0) {
		piece = take_byte(&in);
		errno = piece & 1 ? EAGAIN : ECONNRESET;
		if (piece >= 252)
			piece = 0;
		if (piece == 0)
			return -1;
	}
	n = piece < cap ? piece : cap;
	n = n < in.left ? n : in.left;
	memcpy(buf, in.at, n);
	in.at += n;
	in.left -= n;
	piece -= n;
	return (ssize_t)n;
}

static void
try_answer(void)
{
	struct link l = { .fd = SOCKET, .state = LINK_READY };

	piece = 0;
	link_ask(&l, "stats json");
	while (link_wants(&l) != 0)
		link_step(&l);
	must(l.state == LINK_READY || l.state == LINK_BROKEN);
	must(l.state == LINK_READY || l.error != 0);
	check_printable(l.word, strlen(l.word));
	check_printable(l.sentence, strlen(l.sentence));
	if (l.state == LINK_READY && l.answer != NULL) {
		must(l.nread == l.len && l.answer[l.len] == '\0');
		check_printable(make_printable(l.answer, l.len), l.len);
	}
	free(l.request);
	free(l.answer);
}

/* --- files --------------------------------------------------------------------------- */

static const char *const names[] = { "/status", "/comm", "/stat", "/maps",
				     "/environ" };

static struct {
	char *text;
	size_t len, at;
} files[COUNT_OF(names)];

int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *buf, size_t cap);
int __wrap_close(int fd);
int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buf, size_t cap);
int __real_close(int fd);

int
__wrap_open(const char *path, int flags, ...)
{
	va_list args;
	unsigned mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
	va_end(args);
	if (strncmp(path, "/proc/7/", 8) != 0)
		return __real_open(path, flags, mode);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		files[i].at = 0;
		if (strcmp(path + 7, names[i]) == 0 && files[i].text != NULL)
			return FIRST_FD + (int)i;
	}
	errno = ENOENT;
	return -1;
}

ssize_t
__wrap_read(int fd, void *buf, size_t cap)
{
	unsigned i = (unsigned)(fd - FIRST_FD);
	size_t n;

	if (fd < FIRST_FD || i >= COUNT_OF(names))
		return __real_read(fd, buf, cap);
	n = files[i].len - files[i].at;
	n = n < cap ? n : cap;
	memcpy(buf, files[i].text + files[i].at, n);
	files[i].at += n;
	return (ssize_t)n;
}

int
__wrap_close(int fd)
{
	return fd >= FIRST_FD && fd < FIRST_FD + (int)COUNT_OF(names)
		       ? 0
		       : __real_close(fd);
}

/* The value is a part of what was given, and the pattern's letters are gone. */
static void
try_conf(const char *conf)
{
	char *value = conf_value(conf, "control"), *path;

	if (value == NULL)
		return;
	must(strchr(value, ',') == NULL && strstr(conf, value) != NULL);
	path = conf_expand(value, 7);
	must(strlen(path) <= strlen(value));
	free(path);
	free(value);
}

static void
try_files(void)
{
	struct proc p;
	char *conf;

	while (in.left > 0) {
		unsigned i = take_byte(&in) % COUNT_OF(names);

		free(files[i].text);
		files[i].text = take_until(&in, (char)0xff, &files[i].len);
	}
	if (proc_read(7, &p) == 0) {
		must(memchr(p.comm, '\0', sizeof p.comm) != NULL);
		check_printable(p.comm, strlen(p.comm));
		must(p.pid == 7);
	}
	proc_has_library(7);
	conf = proc_environment(7, "TRIMALLOC_CONF");
	if (conf != NULL)
		try_conf(conf);
	free(conf);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		free(files[i].text);
		files[i].text = NULL;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct input){ data, size };
	if (take_byte(&in) % 2 == 0)
		try_answer();
	else
		try_files();
	return 0;
}

/*
 * control.c -- the control socket's server and its protocol, with peers that
 * send, take and hang up as the input says.
 *
 * The sockets and the clock are made up, at link time: the server's thread runs
 * here, each of its polls takes the next event from the input, and the last one
 * ends it. What each peer is sent must be answers, no more of them than there
 * were lines, and nothing but the answers.
 */
#include <errno.h>
#include <pthread.h>

#include "base/options.h"
#include "control/dump.h"
#include "control/request.h"
#include "control/server.h"
#include "fuzz.h"
#include "os/os.h"
#include "os/socket.h"

#define LISTENER   100
#define EVENT      101
#define FIRST_PEER 200
#define NPEERS     64 /* in one input, one after the other */
#define NEVENTS    2000

/* What the other end knows. */
struct end {
	bool is_open, is_over;
	size_t nlines;   /* whole ones that it sent */
	size_t nline;    /* bytes since the last line's end */
	size_t nanswers; /* begun */
	size_t nbody;    /* bytes of the answer to come */
	char head[256];  /* the answer's first line so far */
	size_t nhead;
};

static struct input in;
static struct end ends[NPEERS];
static unsigned nends, nevents;
static uint64_t now_ns;
static void *(*server_main)(void *);
static void *server_arg;

/* --- sockets --------------------------------------------------------------------- */

int __wrap_socket_listen(const char *path);
void __wrap_socket_remove_stale(const char *path);
bool __wrap_socket_identify(const char *path, struct socket_file *out);
void __wrap_socket_remove(const char *path, const struct socket_file *file);
int __wrap_socket_accept(int fd, unsigned *uid);
long __wrap_socket_receive(int fd, char *buf, size_t cap);
long __wrap_socket_send(int fd, const char *buf, size_t len);
void __wrap_socket_close(int fd);
int __wrap_event_make(void);
long __wrap_os_poll(struct pollfd *fds, unsigned n, uint64_t ns);
uint64_t __wrap_os_now_ns(void);
int __wrap_dump_now(char *where, size_t cap);

int
__wrap_socket_listen(const char *path)
{
	must(path[0] == '/');
	return LISTENER;
}

void
__wrap_socket_remove_stale(const char *path)
{
	(void)path;
}

bool
__wrap_socket_identify(const char *path, struct socket_file *out)
{
	(void)path;
	*out = (struct socket_file){ 1, 1 };
	return true;
}

void
__wrap_socket_remove(const char *path, const struct socket_file *file)
{
	(void)path, (void)file;
}

int
__wrap_event_make(void)
{
	return EVENT;
}

static struct end *
end_of(int fd)
{
	must(fd >= FIRST_PEER && (unsigned)(fd - FIRST_PEER) < nends);
	must(ends[fd - FIRST_PEER].is_open);
	return &ends[fd - FIRST_PEER];
}

int
__wrap_socket_accept(int fd, unsigned *uid)
{
	unsigned kind = take_byte(&in);

	must(fd == LISTENER);
	if (nends == NPEERS || kind % 8 == 7) {
		errno = kind & 8 ? EMFILE : EAGAIN;
		return -1;
	}
	/* A stranger, now and then. */
	*uid = kind % 8 == 6 ? os_user() + 1 : os_user();
	ends[nends] = (struct end){ .is_open = true };
	return FIRST_PEER + (int)nends++;
}

/* Lines as the server counts them: one that is too long is the last. */
static void
count_lines(struct end *e, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		e->nline++;
		if (buf[i] == '\n' || e->nline > REQUEST_BYTES) {
			e->nlines++;
			e->nline = 0;
		}
	}
}

long
__wrap_socket_receive(int fd, char *buf, size_t cap)
{
	struct end *e = end_of(fd);
	unsigned kind = take_byte(&in);
	size_t n = 0;

	must(cap > 0 && cap <= REQUEST_BYTES + 1);
	if (kind >= 250) {
		errno = kind & 1 ? EAGAIN : kind & 2 ? EINTR : ECONNRESET;
		return kind < 254 ? -1 : 0;
	}
	if (kind >= 240) {
		/* A hostile length. */
		n = cap < 4000 ? cap : 4000;
		memset(buf, (int)take_byte(&in), n);
	}
	for (; n < cap && n < kind && kind < 240 && in.left > 0; n++)
		buf[n] = (char)take_byte(&in);
	count_lines(e, buf, n);
	return (long)n;
}

static void
read_head(struct end *e, char c)
{
	unsigned long n;
	char *stop;

	must(e->nhead < sizeof e->head);
	e->head[e->nhead++] = c;
	if (c != '\n')
		return;
	e->head[e->nhead - 1] = '\0';
	e->nhead = 0;
	e->nanswers++;
	if (strncmp(e->head, "error ", 6) == 0) {
		must(strchr(e->head + 6, ' ') != NULL);
		return;
	}
	must(strncmp(e->head, "ok ", 3) == 0);
	n = strtoul(e->head + 3, &stop, 10);
	must(*stop == '\0' && stop > e->head + 3);
	e->nbody = n;
}

long
__wrap_socket_send(int fd, const char *buf, size_t len)
{
	struct end *e = end_of(fd);
	unsigned kind = take_byte(&in);
	size_t n = kind < 128 ? len : kind - 127u;

	if (kind >= 250) {
		errno = kind & 1 ? EAGAIN : kind & 2 ? EINTR : EPIPE;
		return -1;
	}
	n = n < len ? n : len;
	for (size_t i = 0; i < n; i++) {
		if (e->nbody > 0)
			e->nbody--;
		else
			read_head(e, buf[i]);
	}
	return (long)n;
}

void
__wrap_socket_close(int fd)
{
	struct end *e;

	if (fd == LISTENER || fd == EVENT)
		return;
	e = end_of(fd);
	e->is_open = false;
	/* One more where it was turned away at once. */
	must(e->nanswers <= e->nlines + 1);
}

/* --- events ------------------------------------------------------------------------ */

uint64_t
__wrap_os_now_ns(void)
{
	return now_ns += 1000;
}

/* Which of them are ready, by two bytes, as far as they wait for anything. */
long
__wrap_os_poll(struct pollfd *fds, unsigned n, uint64_t ns)
{
	unsigned ready = (unsigned)take_number(&in, 2);
	long nready = 0;

	must(n == SERVER_PEERS + 2);
	if (ready >> 15 && ns != UINT64_MAX)
		now_ns += ns;
	for (unsigned i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd >= 0 && i < n - 1 && (ready >> i & 1))
			fds[i].revents = fds[i].events;
		nready += fds[i].revents != 0;
	}
	if (in.left == 0 || nevents++ == NEVENTS)
		fds[n - 1].revents = POLLIN;
	return nready + (fds[n - 1].revents != 0);
}

/* Nothing is written anywhere. */
int
__wrap_dump_now(char *where, size_t cap)
{
	static const int errors[] = { 0, EBUSY, ENOMEM, ENOSPC, EACCES };
	unsigned kind = take_byte(&in);

	snprintf(where, cap, "stderr");
	return errors[kind % COUNT_OF(errors)];
}

/* --- a server's life ------------------------------------------------------------------ */

static int
remember(pthread_t *thread, const pthread_attr_t *attr, void *(*f)(void *),
	 void *arg)
{
	(void)attr;
	*thread = pthread_self();
	server_main = f;
	server_arg = arg;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct input){ data, size };
	nends = nevents = 0;
	now_ns = UINT64_C(1000000000);
	must(options_parse("control:/x/%p,decay_ms:1000") == 0);
	server_main = NULL;
	server_start(remember, true);
	must(server_main != NULL);
	server_main(server_arg);
	for (unsigned i = 0; i < nends; i++)
		must(!ends[i].is_open);
	return 0;
}

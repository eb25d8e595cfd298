/*
 * server.c -- see server.h.
 */
#include <errno.h>
#include <string.h>

#include "../base/errors.h"
#include "../base/options.h"
#include "../base/pattern.h"
#include "../cache/thread.h"
#include "../os/lock.h"
#include "../os/os.h"
#include "../os/socket.h"
#include "request.h"
#include "server.h"

/* As much of an answer as is to be taken within SERVER_PATIENCE_NS. */
#define STEP_BYTES ((size_t)4096)

/* How long no connection is accepted after there was no room for one. */
#define DEAF_NS UINT64_C(1000000000)

/* How long its thread has to hear that it is to end. */
#define RING_AGAIN_NS UINT64_C(200000000)

#define PATH_BYTES 1024

#define ROOT 0u

/* Reads while it has no answer to send, else sends and does not read. */
struct peer {
	int fd; /* -1: nobody */
	bool has_answer;
	bool is_last; /* no more of it is read after this answer */
	uint64_t deadline_ns;
	size_t nsent, nin;
	struct answer answer;
	char in[REQUEST_BYTES + 1]; /* a line and its end */
};

static struct {
	struct lock lock;      /* LOCK_SERVER */
	int boot_pid;          /* of the process that read the options */
	_Atomic int pid;       /* of the process that has the file; 0: none */
	_Atomic uint32_t runs; /* 1: its thread does */
	int listener, event;
	struct socket_file file;
	char path[PATH_BYTES];
	uint64_t deaf_until_ns;
	struct peer *peers;
} server;

/* --- one peer ----------------------------------------------------------------------- */

static void
peer_close(struct peer *p)
{
	answer_drop(&p->answer);
	socket_close(p->fd);
	p->fd = -1;
}

static void
peer_begin_answer(struct peer *p, uint64_t now)
{
	p->has_answer = true;
	p->nsent = 0;
	p->deadline_ns = now + SERVER_PATIENCE_NS;
}

/* Answers the first line of what came, if it is whole, or is too long to be. */
static void
peer_take_line(struct peer *p, uint64_t now)
{
	char *end = memchr(p->in, '\n', p->nin);
	size_t len = end != NULL ? (size_t)(end - p->in) : p->nin;

	if (end == NULL && p->nin <= REQUEST_BYTES)
		return;
	request_answer(p->in, len, &p->answer);
	/* Where the next one would begin is not known. */
	p->is_last = end == NULL;
	len += !p->is_last;
	p->nin -= len;
	memmove(p->in, p->in + len, p->nin);
	peer_begin_answer(p, now);
}

static void
peer_read(struct peer *p, uint64_t now)
{
	long n = socket_receive(p->fd, p->in + p->nin, sizeof p->in - p->nin);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* What is no whole line now never will be. */
	if (n <= 0) {
		peer_close(p);
		return;
	}
	p->nin += (size_t)n;
	peer_take_line(p, now);
}

/* What is to be sent next: the head, then the body. 0: all is sent. */
static size_t
peer_rest(const struct peer *p, const char **at)
{
	const struct answer *a = &p->answer;

	if (p->nsent < a->nhead) {
		*at = a->head + p->nsent;
		return a->nhead - p->nsent;
	}
	if (a->body.buf == NULL) {
		*at = a->head + a->nhead;
		return 0;
	}
	*at = a->body.buf + (p->nsent - a->nhead);
	return a->body.len - (p->nsent - a->nhead);
}

static void
peer_write(struct peer *p, uint64_t now)
{
	const char *at;
	size_t len = peer_rest(p, &at);
	long n = socket_send(p->fd, at, len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		peer_close(p);
		return;
	}
	/* A byte now and then is no progress. */
	if ((p->nsent + (size_t)n) / STEP_BYTES > p->nsent / STEP_BYTES)
		p->deadline_ns = now + SERVER_PATIENCE_NS;
	p->nsent += (size_t)n;
	if (peer_rest(p, &at) > 0)
		return;
	answer_drop(&p->answer);
	p->has_answer = false;
	p->deadline_ns = now + SERVER_PATIENCE_NS;
	if (p->is_last)
		peer_close(p);
	else
		peer_take_line(p, now);
}

/* --- all of them -------------------------------------------------------------------- */

static struct peer *
free_peer(void)
{
	for (unsigned i = 0; i < SERVER_PEERS; i++) {
		if (server.peers[i].fd < 0)
			return &server.peers[i];
	}
	return NULL;
}

/* One sentence, as far as it fits into the socket at once, and no more. */
static void
turn_away(int fd, const char *word, const char *sentence)
{
	struct answer a;

	a.body.buf = NULL;
	answer_error(&a, word, sentence);
	socket_send(fd, a.head, a.nhead);
	socket_close(fd);
}

static void
take_connection(uint64_t now)
{
	unsigned uid;
	int fd = socket_accept(server.listener, &uid);
	struct peer *p;

	if (fd < 0) {
		/* Out of descriptors, say: it would be told so for ever. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server.deaf_until_ns = now + DEAF_NS;
		return;
	}
	if (uid != os_user() && uid != ROOT) {
		turn_away(fd, "perm",
			  "only the process's own user and root are answered");
		return;
	}
	p = free_peer();
	if (p == NULL) {
		turn_away(fd, "busy", "there are 8 connections already");
		return;
	}
	p->fd = fd;
	p->has_answer = p->is_last = false;
	p->nin = 0;
	p->deadline_ns = now + SERVER_PATIENCE_NS;
}

static uint64_t
min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* By a clock that went back, nobody has more patience than ever. */
static void
follow_clock(uint64_t now)
{
	for (unsigned i = 0; i < SERVER_PEERS; i++) {
		struct peer *p = &server.peers[i];

		p->deadline_ns = min_ns(p->deadline_ns,
					now + SERVER_PATIENCE_NS);
	}
	server.deaf_until_ns = min_ns(server.deaf_until_ns, now + DEAF_NS);
}

/*
 * Waits for any of them; fds[i] is peer i's, then the listener, the event.
 * False where the kernel knows no waiting: a sandbox refuses it.
 */
static bool
wait_for_any(struct pollfd fds[SERVER_PEERS + 2])
{
	uint64_t now = os_now_ns(), until = UINT64_MAX;
	bool is_deaf;
	long n;

	follow_clock(now);
	is_deaf = server.deaf_until_ns > now;
	for (unsigned i = 0; i < SERVER_PEERS; i++) {
		const struct peer *p = &server.peers[i];

		/* The kernel passes over a number below 0. */
		fds[i] = (struct pollfd){
			.fd = p->fd,
			.events = p->has_answer ? POLLOUT : POLLIN,
		};
		if (p->fd >= 0)
			until = min_ns(until, p->deadline_ns);
	}
	if (is_deaf)
		until = min_ns(until, server.deaf_until_ns);
	fds[SERVER_PEERS] = (struct pollfd){
		.fd = is_deaf ? -1 : server.listener,
		.events = POLLIN,
	};
	fds[SERVER_PEERS + 1] = (struct pollfd){
		.fd = server.event,
		.events = POLLIN,
	};
	n = os_poll(fds, SERVER_PEERS + 2,
		    until == UINT64_MAX ? until
		    : until > now       ? until - now
					: 0);
	if (n > 0)
		return true;
	for (unsigned i = 0; i < SERVER_PEERS + 2; i++)
		fds[i].revents = 0;
	return n == 0 || errno == EINTR;
}

/* One step for each: no peer waits for another one's second answer. */
static void
serve_peers(const struct pollfd fds[SERVER_PEERS + 2])
{
	for (unsigned i = 0; i < SERVER_PEERS; i++) {
		struct peer *p = &server.peers[i];
		uint64_t now = os_now_ns();

		if (p->fd < 0)
			continue;
		if (fds[i].revents != 0 && p->has_answer)
			peer_write(p, now);
		else if (fds[i].revents != 0)
			peer_read(p, now);
		if (p->fd >= 0 && p->deadline_ns <= now)
			peer_close(p);
	}
}

/* Also what open_all() got of it. */
static void
close_all(void)
{
	for (unsigned i = 0; server.peers != NULL && i < SERVER_PEERS; i++) {
		if (server.peers[i].fd >= 0)
			peer_close(&server.peers[i]);
	}
	socket_close(server.listener);
	if (server.event >= 0)
		socket_close(server.event);
	if (server.peers != NULL)
		os_release(server.peers, SERVER_PEERS * sizeof *server.peers);
}

static void
complain_of(const char *why)
{
	char buf[400];
	struct text t;

	text_init(&t, buf, sizeof buf - 1);
	text_str(&t, "control: ");
	text_mem(&t, server.path, min_size(strlen(server.path), 256));
	text_str(&t, ": ");
	text_str(&t, why);
	buf[t.len] = '\0';
	complain(buf);
}

static void *
server_thread(void *arg UNUSED)
{
	struct pollfd fds[SERVER_PEERS + 2] = { 0 };

	thread_renounce();
	while (fds[SERVER_PEERS + 1].revents == 0) {
		/* Else it would ask without a pause, for nothing. */
		if (!wait_for_any(fds)) {
			complain_of("its thread cannot wait; it ends");
			break;
		}
		serve_peers(fds);
		if (fds[SERVER_PEERS].revents != 0)
			take_connection(os_now_ns());
	}
	server_exit();
	close_all();
	/* Release: pairs with the acquire in server_stop(). */
	atomic_store_explicit(&server.runs, 0, memory_order_release);
	os_futex_wake(&server.runs, 1);
	return NULL;
}

/* --- birth and death ------------------------------------------------------------------- */

/* The path of this process, terminated; false where it is too long. */
static bool
find_path(void)
{
	struct pattern values = { os_pid(), 0, 0 };
	struct text t;

	text_init(&t, server.path, sizeof server.path - 1);
	pattern_expand(&t, option_text(control), &values);
	server.path[t.len] = '\0';
	return !t.lost;
}

static void
complain_errno(int error)
{
	const char *why = error_words(error);

	if (error == EADDRINUSE)
		complain_of("it is there and is not this process's; it is left "
			    "alone (%p in the path makes one for each)");
	else if (error == EINVAL)
		complain_of("the path is to begin with a slash");
	else
		complain_of(why != NULL ? why : "it failed");
}

void
server_boot(void)
{
	server.boot_pid = os_pid();
	/* Without %p it may well be another process's. */
	if (option(control) > 0 && pattern_has(option_text(control), 'p') &&
	    find_path())
		socket_remove_stale(server.path);
}

/* False where one thing or another is not to be had; then nothing is left. */
static bool
open_all(void)
{
	server.listener = socket_listen(server.path);
	if (server.listener < 0) {
		complain_errno(errno);
		return false;
	}
	server.event = event_make();
	server.peers = os_map(SERVER_PEERS * sizeof *server.peers);
	for (unsigned i = 0; server.peers != NULL && i < SERVER_PEERS; i++)
		server.peers[i].fd = -1;
	if (server.event >= 0 && server.peers != NULL &&
	    socket_identify(server.path, &server.file))
		return true;
	complain_of("no memory for it");
	/* First, for what somebody listens on is not stale. */
	close_all();
	socket_remove_stale(server.path);
	return false;
}

/* The lock is held: see server.h. */
static void
start_locked(spawn_create_fn *create)
{
	atomic_store_explicit(&server.runs, 1, memory_order_relaxed);
	/* Release: pairs with the acquire in server_exit(). */
	atomic_store_explicit(&server.pid, os_pid(), memory_order_release);
	if (spawn_thread(create, server_thread, NULL, "trimalloc-ctl"))
		return;
	complain_of("no thread for it");
	server_exit();
	close_all();
	atomic_store_explicit(&server.runs, 0, memory_order_relaxed);
}

void
server_start(spawn_create_fn *create, bool has_files)
{
	if (option(control) == 0)
		return;
	/* The parent's path stays the parent's. */
	if (server.boot_pid != os_pid() &&
	    !pattern_has(option_text(control), 'p'))
		return;
	if (!find_path()) {
		complain_errno(ENAMETOOLONG);
		return;
	}
	if (!has_files) {
		complain_of("Linux 5.9 is needed for a control socket");
		return;
	}
	if (!open_all())
		return;
	lock_take(&server.lock, LOCK_SERVER);
	start_locked(create);
	lock_drop(&server.lock, LOCK_SERVER);
}

void
server_stop(void)
{
	/* Relaxed: written by this thread, and by its server as the last thing. */
	if (atomic_load_explicit(&server.runs, memory_order_relaxed) == 0)
		return;
	/* Acquire: pairs with the release in server_thread(). */
	while (atomic_load_explicit(&server.runs, memory_order_acquire) != 0) {
		/* Again, where a sandbox refused the first. */
		event_ring(server.event);
		os_futex_wait(&server.runs, 1, RING_AGAIN_NS);
	}
}

void
server_exit(void)
{
	int pid = os_pid();

	/* Acquire: pairs with the release in start_locked(). Once. */
	if (pid != 0 && atomic_compare_exchange_strong_explicit(
				&server.pid, &pid, 0, memory_order_acquire,
				memory_order_relaxed))
		socket_remove(server.path, &server.file);
}

/* By its number it may seem to be its parent, each the first of a namespace. */
void
server_forget(void)
{
	/* Relaxed: there is one thread. */
	atomic_store_explicit(&server.pid, 0, memory_order_relaxed);
	atomic_store_explicit(&server.runs, 0, memory_order_relaxed);
}

void
server_lock(void)
{
	lock_take(&server.lock, LOCK_SERVER);
}

void
server_unlock(void)
{
	lock_drop(&server.lock, LOCK_SERVER);
}

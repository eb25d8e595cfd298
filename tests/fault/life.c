/*
 * life.c -- see life.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "base/options.h"
#include "control/dump.h"
#include "control/stats.h"
#include "control/trim.h"
#include "life.h"
#include "life_blocks.h"
#include "life_misuse.h"
#include "os/memory.h"
#include "os/stack.h"
#include "pages/bell.h"
#include "pages/hooks.h"
#include "trimalloc/trimalloc.h"
#include "wraps.h"

/* Ours, which are counted for nobody. */
void *__real_mmap(void *, size_t, int, int, int, off_t);
int __real_munmap(void *, size_t);

/* --- waiting ------------------------------------------------------------------- */

/* True as soon as f() is; after that many ms, false. */
static bool
comes_true(bool (*f)(void), int ms)
{
	for (; ms > 0; ms -= 2) {
		if (f())
			return true;
		poll(NULL, 0, 2);
	}
	return f();
}

static struct stats stats;

/* --- threads ------------------------------------------------------------------------ */

static void *
work(void *arg)
{
	struct blocks *b = arg;

	take_blocks(b);
	resize_blocks(b);
	free_blocks(b, 1);
	return NULL;
}

/* One that sleeps on a full cache, for others to drain. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool is_full, may_end;
} idle = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };

static void *
sleep_on_blocks(void *arg)
{
	work(arg);
	pthread_mutex_lock(&idle.mutex);
	idle.is_full = true;
	pthread_cond_broadcast(&idle.cond);
	while (!idle.may_end)
		pthread_cond_wait(&idle.cond, &idle.mutex);
	pthread_mutex_unlock(&idle.mutex);
	return NULL;
}

static bool
start_thread(pthread_t *thread, void *(*f)(void *), struct blocks *b)
{
	int error = pthread_create(thread, NULL, f, b);

	must(error == 0 || error == EAGAIN);
	b->nrefused += error != 0;
	return error == 0;
}

static int
work_in_c11(void *arg)
{
	free(malloc(100));
	(void)arg;
	return 7;
}

static void
live_in_a_c11_thread(void)
{
	int answer = 0;
	thrd_t thread;

	if (thrd_create(&thread, work_in_c11, NULL) != thrd_success)
		return;
	must(thrd_join(thread, &answer) == thrd_success && answer == 7);
}

static void
wait_until_full(void)
{
	pthread_mutex_lock(&idle.mutex);
	while (!idle.is_full)
		pthread_cond_wait(&idle.cond, &idle.mutex);
	pthread_mutex_unlock(&idle.mutex);
}

static void
let_it_end(pthread_t thread)
{
	pthread_mutex_lock(&idle.mutex);
	idle.may_end = true;
	pthread_cond_broadcast(&idle.cond);
	pthread_mutex_unlock(&idle.mutex);
	must(pthread_join(thread, NULL) == 0);
	idle.is_full = idle.may_end = false;
}

/* Two at a time, one that sleeps, and a trim meanwhile. */
static unsigned
live_in_threads(void)
{
	static struct blocks b[3];
	pthread_t threads[3];
	bool is_there[3];
	unsigned n = 0;

	memset(b, 0, sizeof b);
	for (unsigned i = 0; i < 3; i++)
		is_there[i] = start_thread(
			&threads[i], i == 0 ? sleep_on_blocks : work, &b[i]);
	for (unsigned i = 1; i < 3; i++)
		must(!is_there[i] || pthread_join(threads[i], NULL) == 0);
	if (is_there[0]) {
		wait_until_full();
		malloc_trim(0);
		let_it_end(threads[0]);
	}
	for (unsigned i = 0; i < 3; i++)
		n += b[i].nrefused;
	return n;
}

/* --- children --------------------------------------------------------------------------- */

static void
live_in_a_child(void)
{
	static struct blocks b;
	int status = -1;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		alarm(20);
		work(&b);
		malloc_trim(0);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	must(status == 0);
}

/* --- what is asked and told ---------------------------------------------------------------- */

static void
do_in_arena(const char *what, unsigned arena)
{
	char name[64];

	snprintf(name, sizeof name, "arena.%u.%s", arena, what);
	tri_mallctl(name, NULL, NULL, NULL, 0);
}

/* One whose chunks come by way of functions of the program's, or not. */
static void
use_an_arena(struct extent_hooks *hooks)
{
	unsigned arena, cache;
	size_t len = sizeof arena;
	int flags;

	if (tri_mallctl("arenas.create", &arena, &len,
			hooks != NULL ? &hooks : NULL,
			hooks != NULL ? sizeof hooks : 0) != 0)
		return;
	flags = (int)((arena + 1) << 20);
	len = sizeof cache;
	if (tri_mallctl("tcache.create", &cache, &len, NULL, 0) == 0) {
		int cached = flags | (int)((cache + 2) << 8);

		for (unsigned i = 0; i < 20; i++)
			tri_dallocx(tri_mallocx(100 * (i + 1), cached), cached);
		tri_mallctl("tcache.destroy", NULL, NULL, &cache, sizeof cache);
	}
	for (unsigned i = 0; i < 20; i++)
		tri_mallocx((size_t)1000 << (i % 13), flags);
	do_in_arena("purge", arena);
	do_in_arena("reset", arena);
	do_in_arena("destroy", arena);
}

static void
swallow(void *arg, const char *text)
{
	*(size_t *)arg += strlen(text);
}

/* What goes to standard error is a good deal. */
static void
ask_for_figures(void)
{
	uint64_t allocated;
	size_t len = sizeof allocated, n = 0;
	char where[600];

	tri_mallctl("thread.allocated", &allocated, &len, NULL, 0);
	tri_malloc_stats_print(swallow, &n, "J");
	malloc_stats();
	for (int i = 0; i < 4; i++)
		dump_now(where, sizeof where);
}

static bool
has_no_trim_thread(void)
{
	struct trim_stats s;

	trim_stats(&s);
	return !s.has_thread;
}

static bool
no_dump_is_due(void)
{
	return !dump_is_asked() || has_no_trim_thread();
}

/* By the trim thread, if there is one. */
static void
ask_for_a_dump(void)
{
	raise(SIGURG);
	comes_true(no_dump_is_due, 5000);
}

/* --- the control socket ------------------------------------------------------------------------ */

static char socket_path[PATH_MAX];

/* The trim thread makes it before its first tick. */
static bool
is_up_or_never_will_be(void)
{
	struct trim_stats s;

	trim_stats(&s);
	return access(socket_path, F_OK) == 0 || !s.has_thread || s.cpu_ns > 0;
}

static void
ask(int fd, const char *line)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[4096];

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return;
	while (poll(&p, 1, 5000) > 0) {
		ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);

		if (n < (ssize_t)sizeof answer)
			return;
	}
}

/* By the folder it is in: its path is too long for an address. */
static void
talk(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	comes_true(is_up_or_never_will_be, 3000);
	if (access(socket_path, F_OK) == 0) {
		strncpy(a.sun_path, strrchr(socket_path, '/') + 1,
			sizeof a.sun_path - 1);
		if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
			ask(fd, "stats json\n");
			ask(fd, "trim\n");
			ask(fd, "nonsense\n");
		}
	}
	close(fd);
}

static void
allow_trim_thread(bool yes)
{
	must(tri_mallctl("background_thread", NULL, NULL, &yes, sizeof yes) ==
	     0);
}

/* It ends, with the socket's thread, and is born again with the next thread. */
static bool
end_trim_thread(void)
{
	allow_trim_thread(false);
	bell_dismiss();
	return comes_true(has_no_trim_thread, 2000);
}

/* --- what no life comes to ----------------------------------------------------------------- */

/* The end of a mapping with nothing behind it, and the two that tests ask. */
static void
ask_the_kernel(void)
{
	const int prot = PROT_READ | PROT_WRITE,
		  flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *p = __real_mmap(NULL, 5 * PAGE_BYTES, prot, flags, -1, 0);
	char *to = __real_mmap(NULL, PAGE_BYTES, prot, flags, -1, 0);
	enum os_move moved;

	must(p != MAP_FAILED && to != MAP_FAILED);
	__real_munmap(p + 3 * PAGE_BYTES, 2 * PAGE_BYTES);
	p[2 * PAGE_BYTES] = 1;
	moved = os_move_pages(p + 2 * PAGE_BYTES, to, PAGE_BYTES);
	must(moved == OS_MOVED ? to[0] == 1 : p[2 * PAGE_BYTES] == 1);
	/* Once in doubt, it looks whether the target is its own the next time. */
	wraps_refuse_moves = true;
	for (int i = 0; i < 2; i++)
		must(os_move_pages(p + 2 * PAGE_BYTES, to, PAGE_BYTES) !=
		     OS_MOVED);
	wraps_refuse_moves = false;
	os_sleep(1000);
	(void)os_is_readable((uintptr_t)p);
	__real_munmap(p, 3 * PAGE_BYTES);
	__real_munmap(to, PAGE_BYTES);
}

/* --- a life ------------------------------------------------------------------------------------- */

static int
count_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fstat(fd, &(struct stat){ 0 }) == 0;
	return n;
}

static unsigned
live_once(void)
{
	static struct blocks b;
	unsigned n;

	memset(&b, 0, sizeof b);
	take_blocks(&b);
	n = live_in_threads();
	resize_blocks(&b);
	free_blocks(&b, 2);
	malloc_trim(0);
	grow_a_large_one(&b);
	leave_holes(&b);
	free_blocks(&b, 1);
	return n + b.nrefused;
}

static void
live_with_faults(unsigned life)
{
	static struct extent_hooks hooks;

	hooks = hooks_default;
	if (life == 0)
		ask_the_kernel();
	live_once();
	live_in_a_c11_thread();
	talk();
	use_an_arena(NULL);
	use_an_arena(&hooks);
	ask_for_figures();
	ask_for_a_dump();
	live_in_a_child();
	live_with_misuses(true);
	end_trim_thread();
	allow_trim_thread(true);
	live_once();
}

/* Everything can be had, and is given back. */
static size_t
check_service(void)
{
	must(live_once() == 0);
	live_in_a_child();
	live_with_misuses(false);
	must(end_trim_thread());
	malloc_trim(0);
	malloc_trim(0);
	stats_take(&stats);
	stats_ask_kernel(&stats);
	must(stats.dirty == 0);
	must(stats.active == stats.allocated + stats.cached + stats.shelved +
				     stats.slab_free + stats.slab_away);
	/* Of a huge page more is resident than anybody asked for. */
	must(option(thp) == THP_ALWAYS || stats.unaccounted == 0);
	allow_trim_thread(true);
	return stats.allocated;
}

void
live(int life, const char *folder)
{
	int nfiles = count_files();
	size_t last = 0, now = 1;

	must(chdir(folder) == 0);
	snprintf(socket_path, sizeof socket_path, "%s/%d.socket", folder,
		 (int)getpid());
	live_with_faults((unsigned)life);
	orders_end();
	/* libc keeps a record for each stack that it keeps for later threads. */
	for (int i = 0; i < 6 && last != now; i++) {
		last = now;
		now = check_service();
	}
	must(last == now);
	must(now < 64 * KIB);
	must(count_files() == nfiles);
}

/* What a process of this number has left, and nobody listens on. */
static void
leave_a_stale_socket(const char *folder, int pid)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(chdir(folder) == 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%d.socket", pid);
	/* Another one of that number may have been refused to remove its own. */
	unlink(a.sun_path);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
	close(fd);
}

const char *
life_conf(unsigned life, const char *folder)
{
	static char conf[3 * PATH_MAX];
	const struct rlimit data = { 4096 * (rlim_t)MIB, 4096 * (rlim_t)MIB };
	int pid = (int)getpid();

	switch (life) {
	case LIFE_OF_ROTATION:
		leave_a_stale_socket(folder, pid);
		snprintf(conf, sizeof conf,
			 "decay_ms:20,dump_keep:3,dump_path:%s/%d.dump,"
			 "control:%s/%d.socket",
			 folder, pid, folder, pid);
		break;
	case LIFE_OF_SCARCITY:
		/* Commit charge is short; and one of these is no option. */
		must(setrlimit(RLIMIT_DATA, &data) == 0);
		snprintf(conf, sizeof conf,
			 "decay_ms:20,dump_form:json,nonsense:1,"
			 "control:%s/%%p.socket",
			 folder);
		break;
	case LIFE_OF_GUARDS:
		snprintf(conf, sizeof conf,
			 "decay_ms:20,guarded:2,control:%s/%%p.socket", folder);
		break;
	default:
		snprintf(conf, sizeof conf,
			 "decay_ms:0,thp:always,dump_form:xml,dump_keep:2,"
			 "dump_path:%s/%%p-%%n,stats_at_exit:true,narenas:2",
			 folder);
	}
	return conf;
}

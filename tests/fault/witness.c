/*
 * witness.c -- an ordinary program on the library, that says what service it
 * had: one line for each, "word yes" or "word no".
 *
 *	witness FOLDER [WORD...]	where its dump and its socket are, by
 *					TRIMALLOC_CONF; what is not expected
 *
 * What no surroundings excuse (a wrong byte, a refused small block, a child
 * that fails) ends it with a sentence and status 1. It asks /proc nothing: that
 * may be what is missing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB     ((size_t)1 << 20)
#define LARGE   (32 * MIB)
#define NBLOCKS 2000
#define NIDLE   100

/* With decay_ms:100. */
#define PAUSE_MS 250

/* What is not expected to come, up to a NULL; it gets little time to. */
static char **hopeless;

#define must(cond)                                                            \
	do {                                                                  \
		if (!(cond)) {                                                \
			dprintf(2, "witness.c:%d: %s (errno %d)\n", __LINE__, \
				#cond, errno);                                \
			_exit(1);                                             \
		}                                                             \
	} while (0)

static void
say(const char *word, bool yes)
{
	printf("%s %s\n", word, yes ? "yes" : "no");
}

/* How many times a pause is doubled before it is no. */
static int
patience(const char *word)
{
	for (char **h = hopeless; *h != NULL; h++) {
		if (strcmp(*h, word) == 0)
			return 2;
	}
	return 8;
}

static void
pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* --- blocks ---------------------------------------------------------------------- */

static void *
work(void *arg)
{
	unsigned char *p[NBLOCKS];

	for (size_t i = 0; i < NBLOCKS; i++) {
		size_t n = (i * 37 % 5000) * (i % 50 == 0 ? 100 : 1) + 1;

		p[i] = i % 3 == 0 ? calloc(1, n) : malloc(n);
		must(p[i] != NULL && (i % 3 != 0 || p[i][n - 1] == 0));
		p[i][0] = p[i][n - 1] = (unsigned char)i;
		p[i] = realloc(p[i], 2 * n);
		must(p[i] != NULL && p[i][n - 1] == (unsigned char)i);
	}
	for (size_t i = 0; i < NBLOCKS; i++)
		free(p[i]);
	return arg;
}

static void
grow(void)
{
	unsigned char *p = malloc(MIB), *q;

	must(p != NULL);
	for (size_t n = MIB; n < 64 * MIB; n *= 2) {
		void *between = malloc(3 * MIB);

		memset(p + n / 2, 5, n / 2);
		q = realloc(p, 2 * n);
		must(q != NULL && q[n - 1] == 5 && q[n / 2] == 5);
		p = q;
		free(between);
	}
	free(p);
}

static void
work_in_threads_and_children(void)
{
	pthread_t threads[4];
	int status = -1;
	pid_t pid;

	work(NULL);
	grow();
	for (int i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, work, NULL) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(threads[i], NULL) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		work(NULL);
		must(pthread_create(&threads[0], NULL, work, NULL) == 0);
		must(pthread_join(threads[0], NULL) == 0);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

/* --- is it given back? ---------------------------------------------------------------- */

static long
faults(void)
{
	struct rusage r;

	must(getrusage(RUSAGE_SELF, &r) == 0);
	return r.ru_minflt;
}

/* Writes to every page of a new block: what was given back comes by faults. */
static bool
is_new(void)
{
	long before = faults();
	char *p = malloc(LARGE);

	must(p != NULL);
	for (size_t i = 0; i < LARGE; i += 4096)
		p[i] = 1;
	free(p);
	return faults() - before >= (long)(LARGE / 4096) * 9 / 10;
}

static bool
goes_back_by_itself(void)
{
	/* Each look is a demand, and what is wanted again and again is kept
	 * longer: so is each pause. */
	for (int i = 0; i < patience("itself"); i++) {
		pause_ms((long)PAUSE_MS << i);
		if (is_new())
			return true;
	}
	return false;
}

static bool
goes_back_by_trim(void)
{
	is_new();
	malloc_trim(0);
	return is_new();
}

/* --- a thread that sleeps on what it freed ------------------------------------------------ */

static int (*ctl)(const char *, void *, size_t *, void *, size_t);

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool is_full, may_end;
} idle = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };

static void *
sleep_on_blocks(void *arg)
{
	void *p[NIDLE];

	for (int i = 0; i < NIDLE; i++)
		must((p[i] = malloc(10000)) != NULL);
	for (int i = 0; i < NIDLE; i++)
		free(p[i]);
	pthread_mutex_lock(&idle.mutex);
	idle.is_full = true;
	pthread_cond_broadcast(&idle.cond);
	while (!idle.may_end)
		pthread_cond_wait(&idle.cond, &idle.mutex);
	pthread_mutex_unlock(&idle.mutex);
	return arg;
}

/* With the program or in a cache: whose, is not to be known of one that sleeps. */
static size_t
held_bytes(void)
{
	uint64_t epoch = 1;
	size_t allocated = 0, cached = 0, len = sizeof allocated;

	must(ctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);
	must(ctl("stats.allocated", &allocated, &len, NULL, 0) == 0);
	must(ctl("stats.arenas.4096.tcache_bytes", &cached, &len, NULL, 0) ==
	     0);
	return allocated + cached;
}

static bool
is_idle_cache_emptied(void)
{
	pthread_t thread;
	size_t before, after;

	malloc_trim(0);
	malloc_trim(0);
	before = held_bytes();

	must(pthread_create(&thread, NULL, sleep_on_blocks, NULL) == 0);
	pthread_mutex_lock(&idle.mutex);
	while (!idle.is_full)
		pthread_cond_wait(&idle.cond, &idle.mutex);
	pthread_mutex_unlock(&idle.mutex);
	malloc_trim(0);
	malloc_trim(0);
	after = held_bytes();
	pthread_mutex_lock(&idle.mutex);
	idle.may_end = true;
	pthread_cond_broadcast(&idle.cond);
	pthread_mutex_unlock(&idle.mutex);
	must(pthread_join(thread, NULL) == 0);
	return after < before + 10000;
}

/* --- what is told ------------------------------------------------------------------------- */

/* A file with something in it appears there. */
static bool
appears(const char *word, const char *path)
{
	for (long left = (long)PAUSE_MS << patience(word); left > 0;
	     left -= 5) {
		if (access(path, F_OK) == 0)
			return true;
		pause_ms(5);
	}
	return false;
}

static bool
is_dumped(const char *folder)
{
	char path[300];

	snprintf(path, sizeof path, "%s/dump", folder);
	raise(SIGURG);
	return appears("dump", path);
}

static bool
has_answer(int fd)
{
	struct timeval left = { (1 << patience("socket")) / 4, 0 };
	fd_set set;

	/* Not poll(): that may be what is missing. */
	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &left) == 1;
}

static bool
answers(const char *folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char answer[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", folder);
	if (fd < 0 || !appears("socket", a.sun_path))
		return false;
	yes = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	      write(fd, "trim\n", 5) == 5 && has_answer(fd) &&
	      read(fd, answer, 2) == 2 && memcmp(answer, "ok", 2) == 0;
	close(fd);
	return yes;
}

int
main(int argc, char **argv)
{
	*(void **)&ctl = dlsym(RTLD_DEFAULT, "mallctl");
	must(argc >= 2 && ctl != NULL);
	hopeless = argv + 2;
	work_in_threads_and_children();
	say("trim", goes_back_by_trim());
	say("itself", goes_back_by_itself());
	say("caches", is_idle_cache_emptied());
	say("dump", is_dumped(argv[1]));
	say("socket", answers(argv[1]));
	work_in_threads_and_children();
	say("end", true);
	return 0;
}

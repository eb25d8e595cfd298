/*
 * kernel.c -- a whole process on the library while one call after the other
 * fails: every place in the library that asks the kernel, or another floor of
 * its own, for something that may be refused.
 *
 *	kernel [--all [PART/PARTS]]	runs itself, once for each fault; without
 *				--all the first call of each place, and all of
 *				them; of many parts one has a share of the k's
 *	kernel --one SCOPE LIFE PLACE K ERRNO	one of these, as a failure tells
 *	kernel --live CONF	one life, as the mapping at ORDERS_FD orders
 *
 * The library is linked in, with its entry points and malloc itself, so that a
 * run has faults from the first instruction of its constructor on. What the
 * runner says is read by tests/fault/kernel.py:
 *
 *	place HEX NAME CALLS RUNS	how often it is called, and failed
 *	failed: ...			one run that went wrong
 *	at RUNS				it is still there
 *	done RUNS
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "life.h"
#include "must.h"
#include "wraps.h"

#define NRUNNING    64
#define SHOWN_EACH  500
#define NTRIES      6
#define SECONDS_MAX 30
#define ERR_BYTES   400
#define COUNT_MAX   5000u

/* --- one run ------------------------------------------------------------------ */

struct run {
	pid_t pid; /* 0: none */
	struct orders *orders;
	int fd, err;
	unsigned life;
	char what[128];
};

static char self[PATH_MAX], folder[PATH_MAX];
static struct run running[NRUNNING];
static unsigned nruns, nfailed;

/* At a time: half of a run is waiting. */
static unsigned nrunning = 4;

/* Every k of every place, in every life that comes there. */
static bool is_long;

/* Of the runs that this takes, those of one part of so many. */
static unsigned part, nparts = 1;

/* What is known of each place by now. */
static struct known {
	uintptr_t place;
	char name[NAME_BYTES];
	unsigned count[NLIVES], nfails;
	bool is_done[NLIVES];
	/* Of the name, by the first of its places: up to which k it was failed. */
	unsigned callee_k[NLIVES];
	/* In a run without faults nobody comes there; with these one did. */
	struct fault way[NLIVES][NFAULTS];
} known[NSITES_MAX];
static unsigned nknown;

static struct known *
know(uintptr_t place, const char *name)
{
	for (unsigned i = 0; i < nknown; i++) {
		if (known[i].place == place)
			return &known[i];
	}
	must(nknown < NSITES_MAX);
	known[nknown].place = place;
	snprintf(known[nknown].name, NAME_BYTES, "%s", name);
	return &known[nknown++];
}

/* The faults of the run that came there first in this life. */
static void
note_way(struct known *k, unsigned life, const struct orders *o)
{
	memcpy(k->way[life], o->faults, sizeof o->faults);
	/* Their counts begin anew. */
	for (unsigned i = 0; i < NFAULTS; i++)
		atomic_store(&k->way[life][i].count, 0);
}

static void
learn(const struct run *r)
{
	for (unsigned i = 0; i < NSITES_MAX; i++) {
		struct site *s = &r->orders->sites[i];
		uintptr_t place = atomic_load(&s->place);
		struct known *k;

		if (place == 0)
			return;
		k = know(place, s->name);
		/*
		 * Of the run that came there first alone: where a wait fails
		 * for good a thread spins, and calls by the hundred thousand;
		 * in that run, too, it may.
		 */
		if (k->count[r->life] == 0 && atomic_load(&s->count) > 0) {
			note_way(k, r->life, r->orders);
			k->count[r->life] = (unsigned)min_size(
				atomic_load(&s->count), COUNT_MAX);
		}
		k->nfails += atomic_load(&s->nfails) > 0;
	}
}

static void
show_failure(const struct run *r, int status)
{
	char said[ERR_BYTES];
	off_t end = lseek(r->err, 0, SEEK_END), at = sizeof said - 1;
	ssize_t n = pread(r->err, said, sizeof said - 1,
			  end > at ? end - at : 0);

	said[n < 0 ? 0 : n] = '\0';
	printf("failed: %s: status 0x%x: %s\n", r->what, (unsigned)status,
	       said);
	nfailed++;
}

/* Waits for one of those that run; its status. */
static struct run *
wait_for_one(void)
{
	int status;
	pid_t pid = wait(&status);

	must(pid > 0);
	for (unsigned i = 0; i < NRUNNING; i++) {
		struct run *r = &running[i];

		if (r->pid != pid)
			continue;
		learn(r);
		if (status != 0)
			show_failure(r, status);
		munmap(r->orders, sizeof *r->orders);
		close(r->fd);
		close(r->err);
		r->pid = 0;
		return r;
	}
	abort();
}

static struct run *
free_run(void)
{
	for (unsigned i = 0; i < nrunning; i++) {
		if (running[i].pid == 0)
			return &running[i];
	}
	return wait_for_one();
}

static void
wait_for_all(void)
{
	for (unsigned i = 0; i < NRUNNING; i++) {
		while (running[i].pid != 0)
			wait_for_one();
	}
}

static _Noreturn void
become(struct run *r)
{
	struct rlimit none = { 0, 0 };
	char life[16];

	snprintf(life, sizeof life, "%u", r->life);
	setrlimit(RLIMIT_CORE, &none);
	/* Whatever the machine does: the books know of pages, not of huge ones. */
	if (r->life != LIFE_OF_COUNTING)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setenv("TRIMALLOC_CONF", life_conf(r->life, folder), 1);
	/* Whoever waits for a call to succeed waits for ever. */
	alarm(SECONDS_MAX);
	if (dup2(r->fd, ORDERS_FD) < 0 || dup2(r->err, STDERR_FILENO) < 0)
		_exit(1);
	execl(self, self, "--live", life, folder, (char *)NULL);
	_exit(1);
}

/*
 * Above those that a run is given: dup2() of a number to itself would leave it
 * to be closed by exec, and the run would have no orders.
 */
static int
make_file(const char *name)
{
	int low = memfd_create(name, MFD_CLOEXEC), fd;

	must(low >= 0);
	fd = fcntl(low, F_DUPFD_CLOEXEC, ORDERS_FD + 1);
	close(low);
	return fd;
}

static void
start_run(struct run *r, const struct orders *orders)
{
	r->fd = make_file("orders");
	r->err = make_file("err");
	must(r->fd >= 0 && r->err >= 0);
	must(ftruncate(r->fd, sizeof *r->orders) == 0);
	r->orders = mmap(NULL, sizeof *r->orders, PROT_READ | PROT_WRITE,
			 MAP_SHARED, r->fd, 0);
	must(r->orders != MAP_FAILED);
	memcpy((void *)r->orders, orders, offsetof(struct orders, sites));
	if (++nruns % SHOWN_EACH == 0)
		printf("at %u\n", nruns);
	fflush(NULL);
	r->pid = fork();
	must(r->pid >= 0);
	if (r->pid == 0)
		become(r);
}

/* --- all of them ------------------------------------------------------------------ */

static void
run_with(unsigned life, enum scope scope, const struct known *who, unsigned k,
	 int error)
{
	static const char *const words[] = { "one call", "all of this place",
					     "all of this function" };
	struct run *r = free_run();
	struct orders o = { .is_on = true };

	r->life = life;
	if (who != NULL) {
		struct fault f = { scope, who->place, "", k, error, 0 };

		memcpy(f.name, who->name, NAME_BYTES);
		memcpy(o.faults + 1, who->way[life], sizeof f * (NFAULTS - 1));
		o.faults[0] = f;
	}
	snprintf(r->what, sizeof r->what, "%u %u %zx %u %d: %s, %s",
		 (unsigned)scope, life, (size_t)(who != NULL ? who->place : 0),
		 k, error, who != NULL ? who->name : "none", words[scope]);
	start_run(r, &o);
}

/* The same part's in every process: a place is where it is. */
static bool
is_ours(const struct known *who, unsigned k)
{
	return (who->place + k) % nparts == part;
}

/* Every k, or the first one. */
static void
fail_each_call(unsigned life, const struct known *who)
{
	unsigned n = is_long ? who->count[life] : 1;

	for (unsigned k = 1; k <= n; k++) {
		if (is_ours(who, k))
			run_with(life, ONE_CALL, who, k, 0);
	}
}

/* Other answers than the usual one lead to other places. */
static int
other_error(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} others[] = {
		{ "madvise", ENOMEM },
		{ "mremap", EINVAL },
		{ "openat", ENOENT },
		{ "bind", EADDRINUSE },
		{ "process_madvise", ENOSYS },
		{ "membarrier", EPERM },
		{ "link", ENOENT },
		{ "recvfrom", EAGAIN },
		{ "sendto", EAGAIN },
	};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(name, others[i].name) == 0)
			return others[i].error;
	}
	return 0;
}

/* Nobody has to be refused anything first. */
static bool
is_on_the_way(const struct known *who, unsigned life)
{
	return who->count[life] > 0 && who->way[life][0].name[0] == '\0';
}

/* The first such place of a name, and how often all of them are called. */
static struct known *
first_of_name(const struct known *who, unsigned life, unsigned *ncalls)
{
	struct known *first = NULL;

	*ncalls = 0;
	for (unsigned i = 0; i < nknown; i++) {
		struct known *k = &known[i];

		if (strcmp(k->name, who->name) != 0 || !is_on_the_way(k, life))
			continue;
		first = first == NULL ? k : first;
		*ncalls += k->count[life];
	}
	return first;
}

/*
 * From its k-th call on a function fails wherever it is called: once for all
 * of its places, but for one that only other faults lead to.
 */
static void
fail_callee_from_each_call(unsigned life, const struct known *who)
{
	unsigned n = who->count[life], from = 0;

	if (is_on_the_way(who, life)) {
		struct known *first = first_of_name(who, life, &n);

		from = first->callee_k[life];
		if (n > from)
			first->callee_k[life] = n;
		who = first;
	}
	for (unsigned k = from + 1; k <= n; k++) {
		if (is_ours(who, k))
			run_with(life, ONE_CALLEE, who, k, 0);
	}
}

static void
fail_for_good(unsigned life, const struct known *who)
{
	if (is_ours(who, life)) {
		run_with(life, ONE_PLACE, who, 0, 0);
		if (other_error(who->name) != 0)
			run_with(life, ONE_PLACE, who, 0,
				 other_error(who->name));
	}
	if (is_long)
		fail_callee_from_each_call(life, who);
}

/* In one life, or in a short run in any. */
static bool
is_done(const struct known *who, unsigned life)
{
	for (unsigned i = 0; !is_long && i < NLIVES; i++) {
		if (who->is_done[i])
			return true;
	}
	return who->is_done[life];
}

/* True where there was a place that had not failed yet. */
static bool
run_round(void)
{
	bool is_new = false;

	for (unsigned life = 0; life < NLIVES; life++) {
		for (unsigned i = 0; i < nknown; i++) {
			struct known who = known[i];

			if (who.count[life] == 0 || is_done(&who, life))
				continue;
			is_new = known[i].is_done[life] = true;
			fail_each_call(life, &who);
			fail_for_good(life, &who);
		}
	}
	wait_for_all();
	return is_new;
}

/*
 * Whether a run comes to a place may hang on which thread is faster: those
 * where nothing failed yet are tried again.
 */
static void
insist(void)
{
	for (unsigned i = 0; i < nknown; i++) {
		struct known who = known[i];

		for (unsigned life = 0; life < NLIVES; life++) {
			if (who.nfails == 0 && who.count[life] > 0)
				run_with(life, ONE_PLACE, &who, 0, 0);
		}
	}
	wait_for_all();
}

static int
run_all(void)
{
	for (unsigned life = 0; life < NLIVES; life++)
		run_with(life, ONE_CALL, NULL, 0, 0);
	wait_for_all();
	/* What fails leads to places where nobody comes else. */
	while (run_round())
		continue;
	for (unsigned i = 0; i < NTRIES; i++)
		insist();
	for (unsigned i = 0; i < nknown; i++) {
		unsigned n = 0;

		for (unsigned life = 0; life < NLIVES; life++)
			n = n > known[i].count[life] ? n : known[i].count[life];
		printf("place %zx %s %u %u\n", (size_t)known[i].place,
		       known[i].name, n, known[i].nfails);
	}
	printf("done %u\n", nruns);
	return nfailed > 0;
}

/* PART/PARTS, from 1 on. */
static void
choose_part(const char *text)
{
	must(sscanf(text, "%u/%u", &part, &nparts) == 2);
	must(nparts > 0 && part > 0 && part <= nparts);
	part--;
}

/* One fault, by hand: a scope, a life, a place, k and an errno value. */
static void
run_one(char **argv)
{
	struct known who = { .place = strtoul(argv[2], NULL, 16) };

	run_with((unsigned)atoi(argv[1]), (enum scope)atoi(argv[0]), &who,
		 (unsigned)atoi(argv[3]), atoi(argv[4]));
	wait_for_all();
	for (unsigned i = 0; i < nknown; i++)
		printf("place %zx %s: %u calls, failed %s\n",
		       (size_t)known[i].place, known[i].name,
		       known[i].count[atoi(argv[1])],
		       known[i].nfails > 0 ? "yes" : "no");
}

/* So long that no address of a socket has room for it. */
static void
make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/trimalloc-kernel-XXXXXX",
		 tmp != NULL ? tmp : "/tmp");
	must(mkdtemp(folder) != NULL);
	strcat(folder, "/a-folder-whose-name-is-so-long-that-no-address-of-a-"
		       "socket-has-room-for-it-even-where-the-rest-is-short");
	must(mkdir(folder, 0700) == 0);
}

static void
remove_folder(void)
{
	char command[PATH_MAX + 16];

	*strrchr(folder, '/') = '\0';
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	must(system(command) == 0);
}

int
main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int result = 0;

	if (argc == 4 && strcmp(argv[1], "--live") == 0) {
		live(atoi(argv[2]), argv[3]);
		return 0;
	}
	must(n > 0);
	make_folder();
	is_long = argc >= 2 && strcmp(argv[1], "--all") == 0;
	if (is_long && argc == 3)
		choose_part(argv[2]);
	if (2 * sysconf(_SC_NPROCESSORS_ONLN) > nrunning)
		nrunning = 2 * (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (nrunning > NRUNNING)
		nrunning = NRUNNING;
	if (argc == 7 && strcmp(argv[1], "--one") == 0)
		run_one(argv + 2);
	else
		result = run_all();
	remove_folder();
	return result;
}

/*
 * wraps.c -- see wraps.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/spawn.h"
#include "heap/slab.h"
#include "pages/pageheap.h"
#include "pages/pagepool.h"
#include "pages/region.h"
#include "wraps.h"

extern const char __executable_start[];

#define PLACE \
	((uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start)

/* --- orders ------------------------------------------------------------------ */

void *__real_mmap(void *, size_t, int, int, int, off_t);

struct orders *
orders_of_this_run(void)
{
	static struct orders *_Atomic known;
	static _Atomic bool is_known;

	if (!atomic_load(&is_known)) {
		void *p = __real_mmap(NULL, sizeof(struct orders),
				      PROT_READ | PROT_WRITE, MAP_SHARED,
				      ORDERS_FD, 0);

		atomic_store(&known, p == MAP_FAILED ? NULL : p);
		atomic_store(&is_known, true);
	}
	return atomic_load(&known);
}

static struct site *
site_of(struct orders *o, uintptr_t place, const char *name)
{
	for (unsigned i = 0; i < NSITES_MAX; i++) {
		struct site *s = &o->sites[i];
		uintptr_t was = 0;

		if (atomic_load(&s->place) == place)
			return s;
		if (atomic_compare_exchange_strong(&s->place, &was, place)) {
			strncpy(s->name, name, NAME_BYTES - 1);
			return s;
		}
		if (was == place)
			return s;
	}
	abort();
}

static bool
is_meant(struct fault *f, const char *name, uintptr_t place, unsigned count)
{
	switch (f->scope) {
	case ONE_CALL:
		return place == f->place && count == f->k;
	case ONE_PLACE:
		return place == f->place;
	default:
		return strcmp(name, f->name) == 0 &&
		       atomic_fetch_add(&f->count, 1) + 1 >= f->k;
	}
}

/* True where this call is to fail; errno says why. */
static bool
refuse(const char *name, uintptr_t place, int error)
{
	struct orders *o = orders_of_this_run();
	int before = errno;
	struct site *s;
	unsigned count;

	if (o == NULL || !atomic_load(&o->is_on))
		return false;
	s = site_of(o, place, name);
	count = atomic_fetch_add(&s->count, 1) + 1;
	errno = before;
	for (unsigned i = 0; i < NFAULTS; i++) {
		struct fault *f = &o->faults[i];

		if (!is_meant(f, name, place, count))
			continue;
		atomic_fetch_add(&s->nfails, 1);
		errno = f->error != 0 ? f->error : error;
		return true;
	}
	return false;
}

/* --- libc's functions that ask the kernel ----------------------------------------- */

/*
 * WRAP(return type, what failure returns, errno, name, parameters, arguments)
 */
#define WRAP(type, failure, error, name, params, args)                   \
	type __real_##name params;                                       \
	type __wrap_##name params;                                       \
	type __wrap_##name params                                        \
	{                                                                \
		return refuse(#name, PLACE, error) ? failure             \
						   : __real_##name args; \
	}

WRAP(void *, MAP_FAILED, ENOMEM, mmap,
     (void *p, size_t n, int prot, int flags, int fd, off_t at),
     (p, n, prot, flags, fd, at))
WRAP(int, -1, ENOMEM, munmap, (void *p, size_t n), (p, n))
WRAP(int, -1, ENOMEM, mprotect, (void *p, size_t n, int prot), (p, n, prot))
WRAP(int, -1, EINVAL, madvise, (void *p, size_t n, int advice), (p, n, advice))
WRAP(int, -1, ENOMEM, mincore, (void *p, size_t n, unsigned char *v), (p, n, v))
WRAP(int, -1, EINVAL, sigaction,
     (int n, const struct sigaction *now, struct sigaction *old), (n, now, old))
WRAP(int, -1, EINVAL, sigprocmask, (int how, const sigset_t *s, sigset_t *old),
     (how, s, old))
WRAP(int, -1, EPERM, sched_getaffinity, (pid_t pid, size_t n, cpu_set_t *set),
     (pid, n, set))
WRAP(int, -1, EPERM, getrlimit, (int which, struct rlimit *r), (which, r))
WRAP(int, -1, EPERM, getrusage, (int who, struct rusage *r), (who, r))
WRAP(int, -1, EPERM, clock_gettime, (clockid_t clock, struct timespec *t),
     (clock, t))
WRAP(int, -1, EPERM, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, EPERM, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, -1, EPERM, link, (const char *from, const char *to), (from, to))
WRAP(int, -1, EPERM, rename, (const char *from, const char *to), (from, to))
WRAP(int, -1, EPERM, unlink, (const char *path), (path))
WRAP(ssize_t, -1, EIO, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, ENOMEM, ENOMEM, pthread_attr_init, (pthread_attr_t * a), (a))
WRAP(int, EAGAIN, EAGAIN, pthread_key_create,
     (pthread_key_t * key, void (*end)(void *)), (key, end))
WRAP(int, ENOMEM, ENOMEM, pthread_setspecific,
     (pthread_key_t key, const void *value), (key, value))

bool wraps_refuse_moves;

void *__real_mremap(void *, size_t, size_t, int, void *);
void *__wrap_mremap(void *p, size_t from, size_t to, int flags, ...);

void *
__wrap_mremap(void *p, size_t from, size_t to, int flags, ...)
{
	va_list args;
	void *at;

	va_start(args, flags);
	at = (flags & MREMAP_FIXED) != 0 ? va_arg(args, void *) : NULL;
	va_end(args);
	if (at != NULL && wraps_refuse_moves) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (!refuse("mremap", PLACE, ENOMEM))
		return __real_mremap(p, from, to, flags, at);
	/* The kernel empties the target before it finds out (but EINVAL). */
	if (at != NULL && errno != EINVAL) {
		int error = errno;

		__real_munmap(at, to);
		errno = error;
	}
	return MAP_FAILED;
}

int __real_fcntl(int, int, ...);
int __wrap_fcntl(int fd, int what, ...);

/* The library asks for flags alone. */
int
__wrap_fcntl(int fd, int what, ...)
{
	va_list more;
	long arg;

	/* Whether there is one or not: registers hold something. */
	va_start(more, what);
	arg = va_arg(more, long);
	va_end(more);
	return refuse("fcntl", PLACE, EBADF) ? -1 : __real_fcntl(fd, what, arg);
}

int __real_prctl(int, unsigned long, unsigned long, unsigned long,
		 unsigned long);
int __wrap_prctl(int what, unsigned long a, unsigned long b, unsigned long c,
		 unsigned long d);

int
__wrap_prctl(int what, unsigned long a, unsigned long b, unsigned long c,
	     unsigned long d)
{
	return refuse("prctl", PLACE, EINVAL) ? -1
					      : __real_prctl(what, a, b, c, d);
}

/* --- syscall() ------------------------------------------------------------------------ */

/* What a call by number is, and how it fails; a name of its own for each. */
struct by_number {
	long number;
	int error;
	const char *name;
};

#define BY_NUMBER(name, error)           \
	{                                \
		SYS_##name, error, #name \
	}

static const struct by_number by_number[] = {
	BY_NUMBER(accept4, EMFILE),        BY_NUMBER(bind, EACCES),
	BY_NUMBER(clock_nanosleep, EPERM), BY_NUMBER(close, EIO),
	BY_NUMBER(close_range, ENOSYS),    BY_NUMBER(connect, EACCES),
	BY_NUMBER(dup3, EMFILE),           BY_NUMBER(eventfd2, EMFILE),
	BY_NUMBER(faccessat, EACCES),      BY_NUMBER(futex, EAGAIN),
	BY_NUMBER(getdents64, ENOENT),     BY_NUMBER(getsockopt, ENOPROTOOPT),
	BY_NUMBER(listen, EADDRINUSE),     BY_NUMBER(membarrier, ENOSYS),
	BY_NUMBER(newfstatat, EACCES),     BY_NUMBER(openat, EMFILE),
	BY_NUMBER(pidfd_getfd, EPERM),     BY_NUMBER(pidfd_open, ENOSYS),
	BY_NUMBER(pipe2, EMFILE),          BY_NUMBER(ppoll, EPERM),
	BY_NUMBER(process_madvise, EPERM), BY_NUMBER(read, EIO),
	BY_NUMBER(recvfrom, ECONNRESET),   BY_NUMBER(rt_sigaction, EPERM),
	BY_NUMBER(rt_sigprocmask, EFAULT), BY_NUMBER(sendto, EPIPE),
	BY_NUMBER(socket, EMFILE),         BY_NUMBER(tgkill, EPERM),
	BY_NUMBER(timer_create, EAGAIN),   BY_NUMBER(timer_settime, EINVAL),
	BY_NUMBER(write, ENOSPC),
};

static const struct by_number *
find_number(long number)
{
	for (size_t i = 0; i < sizeof by_number / sizeof by_number[0]; i++) {
		if (by_number[i].number == number)
			return &by_number[i];
	}
	return NULL;
}

/* The kernel closes it all the same, and a waker is never refused to wake. */
static bool
happens_anyway(long number, long b)
{
	return number == SYS_close ||
	       (number == SYS_futex && (b & 127) == 1 /* FUTEX_WAKE */);
}

long __real_syscall(long, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e,
		    long f);

long
__wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	const struct by_number *n = find_number(number);

	if (n == NULL && number != SYS_gettid)
		abort();
	if (n == NULL || !refuse(n->name, PLACE, n->error))
		return __real_syscall(number, a, b, c, d, e, f);
	if (happens_anyway(number, b)) {
		int error = errno;

		__real_syscall(number, a, b, c, d, e, f);
		errno = error;
	}
	return -1;
}

/* --- threads of the library's, and of the program's ---------------------------------------- */

static int
create_or_refuse(pthread_t *thread, const pthread_attr_t *attr,
		 void *(*main)(void *), void *arg)
{
	spawn_create_fn *__real_next_create(void);

	if (refuse("pthread_create", PLACE, EAGAIN))
		return EAGAIN;
	return __real_next_create()(thread, attr, main, arg);
}

spawn_create_fn *__wrap_next_create(void);

spawn_create_fn *
__wrap_next_create(void)
{
	return create_or_refuse;
}

/* --- allocations of the library's ------------------------------------------------------------- */

WRAP(void *, NULL, ENOMEM, meta_alloc, (size_t n), (n))
WRAP(void *, NULL, ENOMEM, pageheap_alloc,
     (struct pageheap * ph, size_t n, size_t align, bool *is_zero),
     (ph, n, align, is_zero))
WRAP(bool, false, ENOMEM, pageheap_extend, (void *p, size_t n, size_t more),
     (p, n, more))
WRAP(struct slab *, NULL, ENOMEM, slab_make,
     (struct pageheap * ph, struct bin *bin, unsigned cls), (ph, bin, cls))
WRAP(struct chunk *, NULL, ENOMEM, pagepool_take, (size_t n, size_t align),
     (n, align))
WRAP(bool, false, ENOMEM, pagepool_take_at, (struct chunk * c, size_t n),
     (c, n))
